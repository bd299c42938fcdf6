"""Pre-training on partly wrong captions: the source of the binding failure RL has to repair."""

import math
import time

import torch
from torch.nn import functional

from . import prompts, scenes
from .networks import LATENT_SHAPE, TextEncoder, make_unet
from .schedule import TRAIN_TIMESTEPS, alphas_cumprod

SEED = 7
SCENES = 40_000
STEPS = 4_500
BATCH = 64
PEAK_RATE, WARM_UP = 1.5e-3, 0.15
EMA_DECAY = 0.999
EMPTY_SHARE = 0.10
CHECKPOINT_EVERY = 100
# A short last phase with more exchanged captions: after the first one the base binds too well
# (joint accuracy above .60), and how wrong it is can be set this way without starting anew.
LAST_STEPS, LAST_RATE, LAST_EMA_DECAY = 400, 3e-4, 0.99
TOTAL_STEPS = STEPS + LAST_STEPS


class Data:
    """All scenes rendered once; captions are drawn anew each time a scene is used."""

    def __init__(self, kernels):
        splits = prompts.make_splits()
        drawn = splits["rl"] + splits["seen"]
        generator = torch.Generator().manual_seed(SEED)
        self.index = torch.randint(len(drawn), (SCENES,), generator=generator)
        chosen = [drawn[i] for i in self.index.tolist()]
        self.images = scenes.render_many(chosen, kernels, SEED)
        self.tokens, self.exchanged, self.share = prompts.caption_table(drawn)
        self.last_share = prompts.caption_table(drawn, prompts.LAST_EXCHANGE_POWER)[2]

    def batch(self, step, generator):
        """Latents [B,12,8,16] and caption ids [B,8]."""
        share = self.share if step < STEPS else self.last_share
        rows = torch.randint(SCENES, (BATCH,), generator=generator)
        scene = self.index[rows]
        wrong = torch.rand(BATCH, generator=generator) < share[scene]
        empty = torch.rand(BATCH, generator=generator) < EMPTY_SHARE
        ids = torch.where(wrong[:, None], self.exchanged[scene], self.tokens[scene])
        ids = ids.masked_fill(empty[:, None], prompts.PAD)
        return scenes.to_latents(self.images[rows]), ids


class Model(torch.nn.Module):
    """UNet and text encoder, trained together."""

    def __init__(self):
        super().__init__()
        self.unet = make_unet()
        self.text_encoder = TextEncoder()

    def forward(self, latents, timesteps, ids):
        """Predicted noise [N,12,8,16]."""
        return self.unet(latents, timesteps, self.text_encoder(ids)).sample


def learning_rate(step):
    """One cycle: cosine up to the peak, cosine down to almost nothing; then the last phase."""
    if step >= STEPS:
        return LAST_RATE * (1 + math.cos(math.pi * (step - STEPS) / LAST_STEPS)) / 2
    warm_up = WARM_UP * STEPS
    if step < warm_up:
        return PEAK_RATE * (0.04 + 0.96 * (1 - math.cos(math.pi * step / warm_up)) / 2)
    return PEAK_RATE * (1e-4 + (1 + math.cos(math.pi * (step - warm_up) / (STEPS - warm_up))) / 2)


def loss_of(model, data, alphas, step, generator):
    """Mean squared error of the predicted noise at uniform timesteps."""
    latents, ids = data.batch(step, generator)
    t = torch.randint(TRAIN_TIMESTEPS, (BATCH,), generator=generator)
    noise = torch.randn(BATCH, *LATENT_SHAPE, generator=generator)
    a = alphas[t].float()[:, None, None, None]
    return functional.mse_loss(model(a.sqrt() * latents + (1 - a).sqrt() * noise, t, ids), noise)


@torch.no_grad()
def update_average(average, model, step):
    """Exponential average of the weights, faster at the start."""
    decay = EMA_DECAY if step < STEPS else LAST_EMA_DECAY
    weight = 1 - min(decay, (1 + step) / (10 + step))
    for kept, new in zip(average.parameters(), model.parameters()):
        kept.lerp_(new, weight)


def save(path, state):
    """Writes beside and renames, so that an interrupted save leaves the older file."""
    beside = path.with_suffix(".part")
    torch.save(state, beside)
    beside.replace(path)


class Trainer:
    """Model, its average and the optimiser: what a checkpoint holds."""

    def __init__(self, path):
        torch.manual_seed(SEED)
        self.path = path
        self.model, self.average = Model(), Model().requires_grad_(False)
        self.average.load_state_dict(self.model.state_dict())
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=PEAK_RATE, fused=True)
        self.step, self.seconds = 0, 0.0
        if path.exists():
            self.restore(torch.load(path))

    def restore(self, state):
        for part in ("model", "average", "optimizer"):
            getattr(self, part).load_state_dict(state[part])
        self.step, self.seconds = state["step"], state["seconds"]

    def checkpoint(self):
        parts = {part: getattr(self, part).state_dict()
                 for part in ("model", "average", "optimizer")}
        save(self.path, {**parts, "step": self.step, "seconds": self.seconds})

    def update(self, data, alphas):
        """One step; returns its loss. A generator of the step's own makes a resumed run draw
        what a straight one draws."""
        generator = torch.Generator().manual_seed(SEED * 1_000_003 + self.step)
        self.optimizer.param_groups[0]["lr"] = learning_rate(self.step)
        loss = loss_of(self.model, data, alphas, self.step, generator)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        update_average(self.average, self.model, self.step)
        self.step += 1
        return loss.item()


def pretrain(kernels, work):
    """The averaged Model in eval mode and {"seconds"} spent; continues from the checkpoint in
    `work` if there is one."""
    trainer, losses = Trainer(work / "pretrain.pt"), []
    if trainer.step < TOTAL_STEPS:
        data, alphas = Data(kernels), alphas_cumprod()
    started = time.monotonic() - trainer.seconds
    while trainer.step < TOTAL_STEPS:
        losses.append(trainer.update(data, alphas))
        if trainer.step % CHECKPOINT_EVERY == 0:
            trainer.seconds = time.monotonic() - started
            trainer.checkpoint()
            print(f"pretrain {trainer.step}/{TOTAL_STEPS}  loss {sum(losses) / len(losses):.4f}  "
                  f"{trainer.seconds:.0f} s", flush=True)
            losses.clear()
    return trainer.average.requires_grad_(True).eval(), {"seconds": round(trainer.seconds)}
