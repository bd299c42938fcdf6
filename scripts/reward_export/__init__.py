"""Reward models that people use with Stable Diffusion, as Loopline reward bundles."""
