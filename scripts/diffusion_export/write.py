"""The bundle of a pipeline."""

import importlib.metadata
import json
import platform
import re
from dataclasses import dataclass

import torch
from bundle_export import adapters, segments, vocabulary
from bundle_export.clip_text import TextEncoder
from bundle_export.compare import compare
from bundle_export.refusal import Refusal
from bundle_export.tracing import assert_parameters_kept, trace
from bundle_export.unet import hold_frequencies

from . import parts, pipeline, schedule, verify

SEED = 11
FILES = {"denoiser": "denoiser.ts", "text_encoder": "text_encoder.ts", "decoder": "decoder.ts"}
PACKAGES = ("torch", "diffusers", "transformers", "peft")


@dataclass(frozen=True)
class Adapters:
    """Low-rank adapters on the linear layers whose names match `targets`."""
    rank: int
    alpha: float
    targets: str


@dataclass(frozen=True)
class Sizes:
    """What a trace is made at: latents, and ids a prompt."""
    height: int
    width: int
    length: int


def say(text):
    print(text, flush=True)


def add_adapters(unet, wanted):
    """The number of parameters that they add."""
    if not any(re.fullmatch(wanted.targets, name) for name, _ in unet.named_modules()):
        raise Refusal(f"--targets {wanted.targets}: no layer of the UNet has such a name; they are "
                      "like down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q")
    adapters.add_adapters(unet, wanted.rank, wanted.alpha, SEED, wanted.targets)
    return sum(p.numel() for p in unet.parameters() if p.requires_grad)


def write_denoiser(unet, sizes, wanted, path):
    """Writes the traced UNet; returns its segments' names. `wanted`: Adapters, or None."""
    expected = verify.expected_of_unet(unet, sizes.height, sizes.width, sizes.length)
    hold_frequencies(unet)
    if wanted:
        trained = add_adapters(unet, wanted)
        say(f"  adapters of rank {wanted.rank}: {trained:,} numbers to train")
    small, large = (case.inputs for case in expected)
    names = segments.add_segments(unet, small)
    example = verify.unet_inputs(unet, 2, sizes.height, sizes.width, sizes.length)
    loaded = trace(unet, example, large, path, names)
    assert_parameters_kept(loaded, unet)
    compare(loaded, expected)
    if wanted:
        adapters.check_scales(loaded, small, expected[0].output, wanted.alpha / wanted.rank)
    segments.check_segments(loaded, names, small)
    return list(names)


def write_text_encoder(parts_of, length, path):
    expected = verify.expected_of_text_encoder(parts_of.tokenizer, parts_of.text_encoder, length)
    vocabulary_size = parts_of.text_encoder.config.vocab_size

    def inputs(rows):
        return torch.randint(vocabulary_size, (rows, length)),
    encoder = TextEncoder(parts_of.text_encoder, length)
    compare(trace(encoder, inputs(2), inputs(5), path), expected)


def write_decoder(vae, sizes, path):
    expected = verify.expected_of_decoder(vae, sizes.height, sizes.width)
    example = torch.randn(2, vae.config.latent_channels, sizes.height, sizes.width)
    compare(trace(parts.Decoder(vae), (example,), expected[1].inputs, path), expected)


def upscaling(vae):
    """Pixels a latent."""
    return 2 ** (len(vae.config.block_out_channels) - 1)


def latent_sizes(source, resolution, directory):
    """Sizes for pictures of `resolution` (height, width), or of the pipeline's own."""
    scale = upscaling(source.vae)
    multiple = scale * 2 ** (len(source.unet.config.block_out_channels) - 1)
    if resolution is None:
        size = source.unet.config.sample_size
        resolution = tuple(scale * x for x in (size if isinstance(size, (list, tuple)) else (size, size)))
    if any(side < multiple or side % multiple for side in resolution):
        raise Refusal(f"{directory}: a resolution of {resolution[0]} x {resolution[1]} does not "
                      f"go through the network: give multiples of {multiple} by --resolution")
    height, width = (side // scale for side in resolution)
    return Sizes(height, width, vocabulary.length_of(source.tokenizer, source.text_encoder))


def manifest(source, name, sizes, wanted, segment_names, ddim):
    """bundle.json, version 1."""
    vae, width = source.vae.config, source.unet.config.cross_attention_dim
    scale, latent = upscaling(source.vae), {"height": sizes.height, "width": sizes.width}
    adapted = {"adapter": adapters.manifest_entry(wanted.rank, wanted.alpha)} if wanted else {}
    config = {key: value for key, value in source.unet.config.items() if not key.startswith("_")}
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {
        "format": "loopline-bundle", "version": 1, "name": name, "requires": [], "files": FILES,
        "latent": {"channels": vae.latent_channels, **latent, "scaling": vae.scaling_factor,
                   "shift": vae.shift_factor or 0.0},
        "image": {"channels": vae.out_channels, **{key: scale * side for key, side in latent.items()},
                  "data_range": [-1.0, 1.0]},
        "prediction_type": ddim.prediction_type,
        "schedule": schedule.schedule_entry(ddim),
        "timestep": {"batch": "per_sample", "dtype": "int64", "scale": 1.0},
        "inputs": [{"name": "encoder_hidden_states", "dtype": "float32",
                    "shape": [sizes.length, width], "source": {"kind": "text_encoder", "index": 0},
                    "unconditional": {"prompt": ""}}],
        "output": {"index": None, "channels": vae.latent_channels},
        "transition": schedule.transition_entry(ddim),
        "tokenizer": vocabulary.entry(source.tokenizer, sizes.length),
        "trainable": {"names": {}},
        **adapted,
        "segments": segment_names,
        "provenance": {"pipeline": name, "versions": {"python": platform.python_version(), **versions},
                       "sampler_of_the_pipeline": source.scheduler["_class_name"],
                       **({"adapters": {"targets": wanted.targets, "seed": SEED,
                                        "initialisation": "A normal, B zero"}} if wanted else {}),
                       "diffusers": {"unet_config": config}},
    }


def write(directory, out, wanted, resolution):
    """Writes the bundle of the pipeline in `directory` into the empty directory `out`. `wanted`:
    Adapters, or None; `resolution`: (height, width) of pictures, or None for the pipeline's own."""
    source = pipeline.load(directory)
    ddim = schedule.ddim(source.scheduler, directory / "scheduler/scheduler_config.json").config
    vocabulary.require_no_additions(source.tokenizer, directory / "tokenizer")
    sizes = latent_sizes(source, resolution, directory)
    torch.manual_seed(SEED)
    say("text encoder")
    write_text_encoder(source, sizes.length, out / FILES["text_encoder"])
    say("decoder")
    write_decoder(source.vae, sizes, out / FILES["decoder"])
    say("UNet (minutes for one of full size)")
    names = write_denoiser(source.unet, sizes, wanted, out / FILES["denoiser"])
    vocabulary.write(source.tokenizer, out)
    made = manifest(source, pipeline.name_of(directory), sizes, wanted, names, ddim)
    (out / "bundle.json").write_text(json.dumps(made, indent=2, allow_nan=False) + "\n")
