"""The denoiser and the text encoder, written so that they trace without a baked device."""

import torch
from bundle_export.unet import hold_frequencies
from diffusers import UNet2DConditionModel
from torch import nn
from torch.nn import functional

from .prompts import LENGTH, VOCABULARY

TEXT_WIDTH = 64
TEXT_HEADS = 4
LATENT_SHAPE = (12, 8, 16)


class TextEncoder(nn.Module):
    """Word and position embeddings, one pre-norm transformer layer, a final norm.

    ids int64 [N,8] -> [N,8,64]. Own attention instead of nn.TransformerEncoderLayer, whose
    inference fast path would end up in a trace and has no gradient.
    """

    def __init__(self):
        super().__init__()
        self.token_embedding = nn.Embedding(len(VOCABULARY), TEXT_WIDTH)
        # Wide initial positions: with std .02 the model never learns left from right.
        self.position_embedding = nn.Parameter(torch.randn(LENGTH, TEXT_WIDTH) * 0.7)
        self.norm1 = nn.LayerNorm(TEXT_WIDTH)
        self.to_q = nn.Linear(TEXT_WIDTH, TEXT_WIDTH)
        self.to_k = nn.Linear(TEXT_WIDTH, TEXT_WIDTH)
        self.to_v = nn.Linear(TEXT_WIDTH, TEXT_WIDTH)
        self.to_out = nn.Linear(TEXT_WIDTH, TEXT_WIDTH)
        self.norm2 = nn.LayerNorm(TEXT_WIDTH)
        self.fc1 = nn.Linear(TEXT_WIDTH, 4 * TEXT_WIDTH)
        self.fc2 = nn.Linear(4 * TEXT_WIDTH, TEXT_WIDTH)
        self.final_norm = nn.LayerNorm(TEXT_WIDTH)

    def split(self, x):
        """[N,8,64] -> [N,heads,8,16]."""
        return x.unflatten(-1, (TEXT_HEADS, TEXT_WIDTH // TEXT_HEADS)).transpose(1, 2)

    def attend(self, x):
        """Self-attention, [N,8,64] -> [N,8,64]."""
        q, k, v = self.split(self.to_q(x)), self.split(self.to_k(x)), self.split(self.to_v(x))
        out = functional.scaled_dot_product_attention(q, k, v)
        return self.to_out(out.transpose(1, 2).flatten(2))

    def forward(self, ids):
        x = self.token_embedding(ids) + self.position_embedding
        x = x + self.attend(self.norm1(x))
        x = x + self.fc2(functional.gelu(self.fc1(self.norm2(x))))
        return self.final_norm(x)


def make_unet(network=UNet2DConditionModel):
    """The diffusers UNet of the recipe, 1.44 M parameters."""
    unet = network(
        sample_size=LATENT_SHAPE[1:],
        in_channels=LATENT_SHAPE[0],
        out_channels=LATENT_SHAPE[0],
        block_out_channels=(64, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    hold_frequencies(unet)
    return unet
