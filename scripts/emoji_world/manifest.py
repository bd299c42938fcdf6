"""The text files of the bundle: manifests, vocabulary, prompt splits, licence note."""

import importlib.metadata
import json
import platform
import shutil
import subprocess

from . import evaluate, judge, oracle, pretrain, prompts, schedule, scenes
from .glyphs import COLOURS, SIZES
from .networks import LATENT_SHAPE, TEXT_WIDTH

TOKENIZER = {"kind": "word", "file": "tokenizer.json", "length": prompts.LENGTH,
             "pad_id": prompts.PAD}
WEIGHTS_LICENCE = "Apache-2.0"
GLYPHS_LICENCE = "OFL-1.1 (Noto Color Emoji)"
README = """\
# Emoji model bundle

Written by `scripts/make_emoji_world.py`; described in `docs/emoji.md`, format in `docs/bundles.md`.

- Weights, manifests and prompt lists: Apache-2.0, as the rest of Loopline.
- The glyphs are from Noto Color Emoji (Debian package fonts-noto-color-emoji), SIL Open Font
  License 1.1, copyright Google LLC. The oracle's templates and the sample pictures derive from
  them, reduced to 13 pixels; the font itself is not part of this directory.
"""


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, allow_nan=False) + "\n")


def font_version():
    """Version of the Debian package the glyphs come from, or 'unknown' elsewhere."""
    if shutil.which("dpkg-query") is None:
        return "unknown"
    query = ["dpkg-query", "-W", "-f", "${Version}", "fonts-noto-color-emoji"]
    return subprocess.run(query, capture_output=True, text=True).stdout or "unknown"


def versions():
    packages = ("torch", "diffusers", "numpy", "pillow")
    found = {name: importlib.metadata.version(name) for name in packages}
    return {"python": platform.python_version(), **found,
            "fonts-noto-color-emoji": font_version()}


def shares(power):
    """Share of captions with exchanged colours by colour pair, easiest first."""
    table = {"+".join(COLOURS[c] for c in sorted(pair)): round(share, 4)
             for pair, share in prompts.exchange_shares(power).items()}
    return dict(sorted(table.items(), key=lambda item: item[1]))


def world():
    """What was drawn and how captions were falsified."""
    return {"seed": prompts.SEED, "object_pixels": list(SIZES),
            "empty_captions": pretrain.EMPTY_SHARE,
            "exchanged_captions": shares(prompts.EXCHANGE_POWER),
            "exchanged_captions_last_phase": shares(prompts.LAST_EXCHANGE_POWER)}


def training(figures):
    return {"seed": pretrain.SEED, "scenes": pretrain.SCENES,
            "steps": pretrain.STEPS, "last_phase_steps": pretrain.LAST_STEPS,
            "batch": pretrain.BATCH, "optimizer": "AdamW, one cycle",
            "peak_rate": pretrain.PEAK_RATE, "last_phase_rate": pretrain.LAST_RATE,
            "ema_decay": pretrain.EMA_DECAY, **figures}


def provenance(figures):
    """`figures`: pretrain, judge, oracle, base as measured by this run."""
    return {
        "licence": WEIGHTS_LICENCE,
        "glyphs_licence": GLYPHS_LICENCE,
        "script": "scripts/make_emoji_world.py",
        "versions": versions(),
        "world": world(),
        "pretraining": training(figures["pretrain"]),
        "base": {"sampler_seed": evaluate.SEED,
                 "interval": "95 %, over images, prompts held fixed",
                 "splits": figures["base"]},
    }


def transition(policy):
    return {"family": "ddim", "steps": policy.steps, "eta": policy.eta, "spacing": "leading",
            "steps_offset": policy.steps_offset, "set_alpha_to_one": False, "clip_sample": True,
            "clip_sample_range": policy.clip_sample_range, "min_sigma": policy.min_sigma,
            "last_step_noise": policy.last_step_noise, "guidance": 1.0}


def bundle(figures):
    """bundle.json, version 1."""
    channels, height, width = LATENT_SHAPE
    return {
        "format": "loopline-bundle",
        "version": 1,
        "name": "emoji",
        "requires": [],
        "files": {"denoiser": "denoiser.ts", "text_encoder": "text_encoder.ts",
                  "decoder": "decoder.ts"},
        "latent": {"channels": channels, "height": height, "width": width,
                   "scaling": 1.0, "shift": 0.0},
        "image": {"channels": 3, "height": scenes.HEIGHT, "width": scenes.WIDTH,
                  "data_range": [-1.0, 1.0]},
        "prediction_type": "epsilon",
        "schedule": {"kind": "scaled_linear", "train_steps": schedule.TRAIN_TIMESTEPS,
                     "beta_start": schedule.BETA_START, "beta_end": schedule.BETA_END},
        "timestep": {"batch": "per_sample", "dtype": "int64", "scale": 1.0},
        "inputs": [{"name": "encoder_hidden_states", "dtype": "float32",
                    "shape": [prompts.LENGTH, TEXT_WIDTH],
                    "source": {"kind": "text_encoder", "index": 0},
                    "unconditional": {"prompt": ""}}],
        "output": {"index": None, "channels": channels},
        "transition": transition(schedule.Policy()),
        "tokenizer": TOKENIZER,
        "trainable": {"patterns": ["*.attn2.*"], "names": {}},
        "provenance": provenance(figures),
    }


def reward(name, components, total, origin):
    """reward.json, version 1."""
    return {
        "format": "loopline-reward",
        "version": 1,
        "name": name,
        "requires": [],
        "files": {"model": "model.ts"},
        "image": {"channels": 3, "height": scenes.HEIGHT, "width": scenes.WIDTH,
                  "data_range": [0.0, 1.0], "resize": "none"},
        "inputs": [{"source": "images"}, {"source": "tokens"}],
        "tokenizer": TOKENIZER,
        "output": {"index": None, "components": list(components), "total": total},
        "provenance": {"licence": WEIGHTS_LICENCE, "glyphs_licence": GLYPHS_LICENCE,
                       "script": "scripts/make_emoji_world.py", **origin},
    }


def write_text_files(out, figures):
    """Everything in the bundle that is not TorchScript or a picture."""
    tokenizer = {"vocabulary": list(prompts.VOCABULARY), "lowercase": True, "unknown_id": None}
    for folder in (out, out / "rewards/judge", out / "rewards/oracle"):
        write_json(folder / "tokenizer.json", tokenizer)
    write_json(out / "bundle.json", bundle(figures))
    learned = {"seed": judge.SEED, "steps": judge.STEPS, "rendered_scenes": figures["judge"]}
    write_json(out / "rewards/judge/reward.json",
               reward("emoji-judge", judge.OUTPUTS, "reward", learned))
    exact = {"method": "template matching, not trained", "rendered_scenes": figures["oracle"]}
    write_json(out / "rewards/oracle/reward.json",
               reward("emoji-oracle", oracle.OUTPUTS, "oracle_joint", exact))
    (out / "prompts").mkdir(exist_ok=True)
    for name, members in prompts.make_splits().items():
        text = "".join(scene.text() + "\n" for scene in members)
        (out / f"prompts/{name}.txt").write_text(text)
    (out / "README.md").write_text(README)
