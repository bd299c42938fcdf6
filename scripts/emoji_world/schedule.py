"""The noise schedule and the policy of the shipped bundle: names and numbers as in diffusers'
DDIMScheduler. Pre-training, the Python sampler and bundle.json all read them from here."""

from dataclasses import dataclass

import torch

TRAIN_TIMESTEPS = 1000
BETA_START, BETA_END = 0.00085, 0.012


@dataclass(frozen=True)
class Policy:
    """Sampler settings; `min_sigma` bounds the noise from below, never the mean."""

    steps: int = 10
    eta: float = 1.0
    min_sigma: float = 0.05
    clip_sample_range: float = 1.0
    steps_offset: int = 1
    last_step_noise: bool = False


def alphas_cumprod():
    """a_t for t = 0..999 in float64, scaled_linear betas."""
    roots = torch.linspace(BETA_START**0.5, BETA_END**0.5, TRAIN_TIMESTEPS, dtype=torch.float64)
    return torch.cumprod(1 - roots**2, dim=0)


def leading_timesteps(policy):
    """The visited timesteps, most noisy first."""
    stride = TRAIN_TIMESTEPS // policy.steps
    return [i * stride + policy.steps_offset for i in reversed(range(policy.steps))]
