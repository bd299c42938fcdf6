"""Base figures of the shipped files: sample every split, judge it twice, give intervals."""

import math

import torch

from .oracle import OUTPUTS
from .sampler import sample

SEED = 3
BATCH = 64
IMAGES = {"rl": 2_000}  # more for rl: its per-prompt spread is reported
DEFAULT_IMAGES = 1_024
Z = 1.96


class Bundle:
    """The exported files of a bundle directory."""

    def __init__(self, path):
        self.denoiser = torch.jit.load(path / "denoiser.ts")
        self.text_encoder = torch.jit.load(path / "text_encoder.ts")
        self.decoder = torch.jit.load(path / "decoder.ts")
        self.judge = torch.jit.load(path / "rewards/judge/model.ts")
        self.oracle = torch.jit.load(path / "rewards/oracle/model.ts")

    @torch.no_grad()
    def images(self, ids, generator):
        """Images [N,3,16,32] in [0,1] for ids [N,8]."""
        latents = sample(self.denoiser, self.text_encoder(ids), generator)
        return (self.decoder(latents) / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def scores(self, images, ids):
        """Oracle columns and the judge's reward, [N,6]."""
        return torch.cat([self.oracle(images, ids), self.judge(images, ids)[:, :1]], 1)


def score_split(bundle, scenes, count, generator):
    """Scores [P,K,6] of K images for each of P prompts, P*K at least `count`."""
    repeats = math.ceil(count / len(scenes))
    ids = torch.tensor([s.tokens() for s in scenes]).repeat_interleave(repeats, 0)
    parts = [bundle.scores(bundle.images(part, generator), part) for part in ids.split(BATCH)]
    return torch.cat(parts).unflatten(0, (len(scenes), repeats))


def interval(values):
    """Mean and 95 % normal interval of [P,K] with the prompts held fixed (stratified variance
    of the mean), rounded for the manifest."""
    mean = values.mean().item()
    variance = (values.var(1) / values.shape[1]).mean().item() / values.shape[0]
    half = Z * variance**0.5
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def spread(values):
    """How much prompts differ in accuracy, [P,K]: quantiles of the per-prompt means, and their
    standard deviation with the sampling noise of K images taken out."""
    means = values.mean(1)
    noise = (values.var(1) / values.shape[1]).mean()
    deviation = (means.var() - noise).clamp(min=0).sqrt().item()
    points = (0.1, 0.25, 0.5, 0.75, 0.9)
    quantiles = torch.quantile(means, torch.tensor(points)).tolist()
    return {"std": round(deviation, 4),
            "quantiles": {f"{p:g}": round(q, 3) for p, q in zip(points, quantiles)}}


def evaluate(bundle, splits):
    """{split: figures} for the provenance."""
    generator = torch.Generator().manual_seed(SEED)
    figures = {}
    for name, scenes in splits.items():
        scores = score_split(bundle, scenes, IMAGES.get(name, DEFAULT_IMAGES), generator)
        figures[name] = {"prompts": scores.shape[0], "images": scores[..., 0].numel()}
        for i, column in enumerate((*OUTPUTS, "reward")):
            figures[name][column] = interval(scores[..., i])
        figures[name]["oracle_joint_per_prompt"] = spread(scores[..., 0])
        joint, swapped = figures[name]["oracle_joint"], figures[name]["swap_rate"]
        print(f"base {name}: joint {joint['mean']:.3f} [{joint['low']:.3f}, {joint['high']:.3f}]"
              f"  swapped {swapped['mean']:.3f}", flush=True)
    return figures
