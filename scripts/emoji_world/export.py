"""TorchScript files of the bundle."""

import torch
from bundle_export.tracing import assert_parameters_kept, trace
from bundle_export.unet import PlainUNet
from torch import nn
from torch.nn import functional

from .networks import LATENT_SHAPE, TEXT_WIDTH, make_unet
from .prompts import LENGTH, VOCABULARY
from .scenes import FOLD, HEIGHT, WIDTH


class Decoder(nn.Module):
    """Latents [N,12,8,16] to images [N,3,16,32], both in [-1,1]."""

    def forward(self, latents):
        return functional.pixel_shuffle(latents, FOLD)


def denoiser_inputs(n):
    """Random inputs of the denoiser with mixed timesteps."""
    return (torch.randn(n, *LATENT_SHAPE), torch.randint(1000, (n,)),
            torch.randn(n, LENGTH, TEXT_WIDTH))


def token_inputs(n):
    """Random ids [N,8]."""
    return torch.randint(len(VOCABULARY), (n, LENGTH))


def export_model(model, out):
    """Writes denoiser.ts, text_encoder.ts and decoder.ts."""
    unet = make_unet(PlainUNet)
    unet.load_state_dict(model.unet.state_dict())
    traced = trace(unet, denoiser_inputs(2), denoiser_inputs(5), out / "denoiser.ts")
    assert_parameters_kept(traced, model.unet)
    trace(model.text_encoder, (token_inputs(2),), (token_inputs(5),), out / "text_encoder.ts")
    latents = torch.rand(5, *LATENT_SHAPE) * 2 - 1
    trace(Decoder(), (latents[:2],), (latents,), out / "decoder.ts")


def export_reward(module, path):
    """Writes a judge's model.ts: (images [N,3,16,32], ids [N,8]) -> [N,C]."""
    def inputs(n):
        return torch.rand(n, 3, HEIGHT, WIDTH), token_inputs(n)
    path.parent.mkdir(parents=True, exist_ok=True)
    trace(module, inputs(2), inputs(5), path)
