"""The policy's transition in plain PyTorch: DDIM with eta on an epsilon model.

Written from the formulas, apart from the C++ code, so that the two can be compared.
"""

import torch

from .networks import LATENT_SHAPE
from .schedule import Policy, alphas_cumprod, leading_timesteps


def coefficients(policy):
    """(t, a_t, a_s, sigma) of each step, in float64; s is the next visited timestep and after
    the last one alpha stays at index 0 (set_alpha_to_one false)."""
    alphas, visited = alphas_cumprod(), leading_timesteps(policy)
    rows = []
    for t, s in zip(visited, visited[1:] + [0]):
        a_t, a_s = alphas[t].item(), alphas[s].item()
        variance = policy.eta**2 * (1 - a_s) / (1 - a_t) * (1 - a_t / a_s)
        rows.append((t, a_t, a_s, max(variance, 0.0) ** 0.5))
    return rows


def step_mean(x, epsilon, a_t, a_s, sigma, clip):
    """mu of one step, [N,12,8,16]; epsilon is recomputed from the clamped x0."""
    x0 = ((x - (1 - a_t) ** 0.5 * epsilon) / a_t**0.5).clamp(-clip, clip)
    epsilon = (x - a_t**0.5 * x0) / (1 - a_t) ** 0.5
    return a_s**0.5 * x0 + max(1 - a_s - sigma**2, 0.0) ** 0.5 * epsilon


@torch.no_grad()
def sample(denoiser, hidden, generator, policy=Policy()):
    """Latents [N,12,8,16] for text states [N,8,64]."""
    n = hidden.shape[0]
    x = torch.randn(n, *LATENT_SHAPE, generator=generator)
    rows = coefficients(policy)
    for i, (t, a_t, a_s, sigma) in enumerate(rows):
        epsilon = denoiser(x, torch.full((n,), t), hidden)
        x = step_mean(x, epsilon, a_t, a_s, sigma, policy.clip_sample_range)
        if i + 1 < len(rows) or policy.last_step_noise:
            x = x + max(sigma, policy.min_sigma) * torch.randn(x.shape, generator=generator)
    return x
