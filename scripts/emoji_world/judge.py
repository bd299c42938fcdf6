"""The learned judge, the reward of the shipped configurations: a small classifier that gives
each of the four asked attributes a probability; the reward is their product."""

import torch
from torch import nn
from torch.nn import functional

from . import prompts, scenes
from .glyphs import COLOURS, SHAPES
from .prompts import FIRST_COLOUR, FIRST_SHAPE

OUTPUTS = ("reward", "left_colour", "left_shape", "right_colour", "right_shape")
SEED = 11
STEPS, BATCH, RATE = 1_600, 128, 2e-3
IMAGES = 12_000
MAX_NOISE = 0.20


class Judge(nn.Module):
    """images [N,3,16,32] in [0,1], ids int64 [N,8] of 'a C S and a C S' -> [N,5] (OUTPUTS)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.SiLU(),
            nn.Flatten(), nn.Linear(64 * 2 * 4, 128), nn.SiLU())
        widths = (len(COLOURS), len(SHAPES)) * 2
        self.heads = nn.ModuleList(nn.Linear(128, width) for width in widths)

    def logits(self, images):
        """Scores of left colour, left shape, right colour, right shape."""
        features = self.features(images * 2 - 1)
        return [head(features) for head in self.heads]

    def forward(self, images, ids):
        asked = (ids[:, 1] - FIRST_COLOUR, ids[:, 2] - FIRST_SHAPE,
                 ids[:, 5] - FIRST_COLOUR, ids[:, 6] - FIRST_SHAPE)
        columns = []
        for scores, wanted in zip(self.logits(images), asked):
            # A word that is no such attribute gets 0 instead of an index error.
            last = scores.shape[1] - 1
            known = (wanted >= 0) & (wanted <= last)
            chosen = scores.softmax(1).gather(1, wanted.clamp(0, last)[:, None])[:, 0]
            columns.append(chosen * known.float())
        p = torch.stack(columns, 1)
        return torch.cat([p.prod(1, keepdim=True), p], 1)


def labelled_images(kernels, count, seed):
    """uint8 images [N,3,16,32] and asked attributes [N,4], over all 648 scenes: the judge has
    to know the objects the base model never saw."""
    every = prompts.all_scenes()
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(len(every), (count,), generator=generator)
    chosen = [every[i] for i in index.tolist()]
    labels = torch.tensor([[s.left_colour, s.left_shape, s.right_colour, s.right_shape]
                           for s in chosen])
    return scenes.render_many(chosen, kernels, seed), labels


def add_noise(images, generator):
    """[N,3,16,32] in [0,1] with noise of a random strength, as unfinished samples have."""
    strength = torch.rand(images.shape[0], 1, 1, 1, generator=generator) * MAX_NOISE
    return (images + strength * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def train_judge(kernels):
    """A trained Judge in eval mode; about a minute on two cores."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    images, labels = labelled_images(kernels, IMAGES, SEED)
    judge = Judge()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=RATE)
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(STEPS):
        rows = torch.randint(IMAGES, (BATCH,), generator=generator)
        logits = judge.logits(add_noise(images[rows].float() / 255, generator))
        loss = sum(functional.cross_entropy(l, labels[rows, i]) for i, l in enumerate(logits))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if (step + 1) % 400 == 0:
            print(f"judge {step + 1}/{STEPS}  loss {loss.item():.4f}", flush=True)
    return judge.eval()
