"""Both judges on freshly rendered scenes, where the right answer is known."""

import torch

from . import prompts, scenes
from .judge import add_noise

SEED = 5
COUNT = 4_000
ORACLE_NOISE = 0.10


def rendered(kernels, wrong_colours=False):
    """Images [N,3,16,32] in [0,1] and the ids [N,8] of their right, or exchanged, captions."""
    generator = torch.Generator().manual_seed(SEED)
    every = prompts.all_scenes()
    index = torch.randint(len(every), (COUNT,), generator=generator).tolist()
    chosen = [every[i] for i in index]
    captions = [s.exchanged() if wrong_colours else s for s in chosen]
    images = scenes.render_many(chosen, kernels, SEED).float() / 255
    return images, torch.tensor([s.tokens() for s in captions])


@torch.no_grad()
def check_oracle(oracle, kernels):
    """The oracle must be right on every clean and slightly noisy render, and must name every
    exchange of colours."""
    images, ids = rendered(kernels)
    generator = torch.Generator().manual_seed(SEED)
    noisy = images + ORACLE_NOISE * torch.randn(images.shape, generator=generator)
    clean, noisy = oracle(images, ids)[:, 0].mean().item(), oracle(noisy, ids)[:, 0].mean().item()
    images, ids = rendered(kernels, wrong_colours=True)
    wrong = oracle(images, ids)
    joint, swapped = wrong[:, 0].mean().item(), wrong[:, 4].mean().item()
    print(f"oracle: clean {clean:.4f}, noise {ORACLE_NOISE} {noisy:.4f}, "
          f"exchanged captions: joint {joint:.4f} swapped {swapped:.4f}", flush=True)
    if clean < 1 or noisy < 1 or joint > 0 or swapped < 1:
        raise RuntimeError("the oracle fails on rendered scenes")
    return {"clean": clean, f"noise_{ORACLE_NOISE}": noisy, "exchanged_named": swapped}


@torch.no_grad()
def check_judge(judge, kernels):
    """Mean reward for right and for exchanged captions, clean and noisy."""
    images, ids = rendered(kernels)
    _, exchanged = rendered(kernels, wrong_colours=True)
    noisy = add_noise(images, torch.Generator().manual_seed(SEED))
    figures = {
        "right": judge(images, ids)[:, 0].mean().item(),
        "right_noisy": judge(noisy, ids)[:, 0].mean().item(),
        "exchanged": judge(images, exchanged)[:, 0].mean().item(),
    }
    print("judge: " + ", ".join(f"{k} {v:.4f}" for k, v in figures.items()), flush=True)
    return {k: round(v, 4) for k, v in figures.items()}
