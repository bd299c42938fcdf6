"""The emoji world: a text-to-image model small enough to pre-train on two CPU cores.

One idea a file: glyphs, prompts, scenes (data); networks, pretrain, judge (learning);
oracle, sampler, evaluate (measuring); export, manifest (the bundle).
"""
