"""A diffusers UNet in the form that traces: returning its tensor, without a baked device."""

import math

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.embeddings import Timesteps
from torch import nn


class PlainUNet(UNet2DConditionModel):
    """The diffusers network returning its tensor; a subclass, so that parameter names stay
    those of the diffusers state dict."""

    def forward(self, latents, timestep, encoder_hidden_states):
        return super().forward(latents, timestep, encoder_hidden_states, return_dict=False)[0]


class TimeProjection(nn.Module):
    """diffusers' Timesteps, [N] -> [N,channels], with the frequencies in a buffer: theirs come from
    arange(device=...), which a trace bakes as a constant device."""

    def __init__(self, channels, cosine_first, shift):
        super().__init__()
        half = channels // 2
        exponents = -math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - shift)
        self.register_buffer("frequencies", torch.exp(exponents), persistent=False)
        self.cosine_first = cosine_first

    def forward(self, timesteps):
        angles = timesteps[:, None].float() * self.frequencies[None]
        halves = [angles.sin(), angles.cos()]
        return torch.cat(halves[::-1] if self.cosine_first else halves, dim=-1)


def hold_frequencies(unet):
    """Puts a TimeProjection in the place of the network's own, and checks that it is the same."""
    own = unet.time_proj
    if type(own) is not Timesteps or own.num_channels % 2 or own.scale != 1:
        raise ValueError(f"the time embedding {own} has no even number of sines and cosines")
    unet.time_proj = TimeProjection(own.num_channels, own.flip_sin_to_cos, own.downscale_freq_shift)
    timesteps = torch.tensor([0, 1, 501, 999])
    torch.testing.assert_close(unet.time_proj(timesteps), own(timesteps), rtol=1e-5, atol=1e-4)
