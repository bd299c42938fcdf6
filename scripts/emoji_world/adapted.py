"""The bundle of the same model with low-rank adapters, from a bundle that is there."""

import copy
import hashlib
import importlib.metadata
import json
import shutil

import torch
from bundle_export import adapters, segments
from bundle_export.tracing import assert_parameters_kept, trace
from bundle_export.unet import PlainUNet

from . import manifest
from .export import denoiser_inputs
from .networks import make_unet

RANK = 8
ALPHA = 8
SEED = 11
PROBE_ROWS = 48  # a micro-batch of configs/emoji: what the cuts between segments are chosen for
SHARED = ("text_encoder.ts", "decoder.ts", "tokenizer.json")
README = """\
# Emoji model bundle with low-rank adapters

`models/emoji` with rank-8 LoRA adapters on its cross-attention; at first they change nothing.
Written by `scripts/make_emoji_world.py`; described in `docs/emoji.md`, format in `docs/bundles.md`.
Prompts and rewards are those in `models/emoji`.

- Weights and manifest: Apache-2.0, as the rest of Loopline.
- The weights were trained on pictures of Noto Color Emoji glyphs, SIL Open Font License 1.1,
  copyright Google LLC; see `models/emoji/README.md`.
"""


def load_base(path):
    """The UNet in a denoiser.ts."""
    unet = make_unet(PlainUNet)
    unet.load_state_dict(dict(torch.jit.load(path).named_parameters()))
    return unet.eval()


def export_denoiser(base, path):
    """Writes the denoiser with adapters and segments; returns the UNet and the segments' names."""
    unet = copy.deepcopy(base)
    adapters.add_adapters(unet, RANK, ALPHA, SEED)
    torch.manual_seed(SEED)
    segments_of = segments.add_segments(unet, denoiser_inputs(PROBE_ROWS))
    loaded = trace(unet, denoiser_inputs(PROBE_ROWS), denoiser_inputs(5), path, segments_of)
    assert_parameters_kept(loaded, unet)
    inputs = denoiser_inputs(5)
    with torch.no_grad():
        adapters.check_scales(loaded, inputs, base(*inputs), ALPHA / RANK)
    segments.check_segments(loaded, segments_of, denoiser_inputs(5))
    return unet, list(segments_of)


def bundle(origin, denoiser, trained, names):
    """bundle.json: that of the base with what differs."""
    versions = {**manifest.versions(), "peft": importlib.metadata.version("peft")}
    base = {"bundle": origin["name"], "denoiser_sha256": hashlib.sha256(denoiser).hexdigest()}
    kept = {key: origin["provenance"][key] for key in ("licence", "glyphs_licence", "script")}
    return {**{key: value for key, value in origin.items() if key != "provenance"},
            "name": origin["name"] + "-lora",
            "trainable": {"names": {}},
            "adapter": adapters.manifest_entry(RANK, ALPHA),
            "segments": names,
            "provenance": {**kept, "versions": versions, "base": base,
                           "adapters": {"targets": adapters.CROSS_ATTENTION,
                                        "initialisation": "A normal, B zero", "seed": SEED,
                                        "trained_numbers": trained}}}


def write(source, out):
    """Writes the adapted bundle of the bundle `source` into the empty directory `out`."""
    unet, names = export_denoiser(load_base(source / "denoiser.ts"), out / "denoiser.ts")
    for name in SHARED:
        shutil.copyfile(source / name, out / name)
    trained = sum(p.numel() for p in unet.parameters() if p.requires_grad)
    origin = json.loads((source / "bundle.json").read_text())
    manifest.write_json(out / "bundle.json",
                        bundle(origin, (source / "denoiser.ts").read_bytes(), trained, names))
    (out / "README.md").write_text(README)
