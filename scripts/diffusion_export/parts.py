"""Text encoder and decoder in the form that traces."""

import torch
from torch import nn


class TextEncoder(nn.Module):
    """CLIPTextModel's last hidden states, ids int64 [N,length] -> [N,length,D], with the causal mask in
    a buffer: transformers makes it anew at each call, on the device of the moment."""

    def __init__(self, model, length):
        super().__init__()
        model.set_attn_implementation("eager")
        self.embeddings = model.embeddings
        self.layers = model.encoder.layers
        self.final_layer_norm = model.final_layer_norm
        self.register_buffer("positions", torch.arange(length)[None], persistent=False)
        mask = torch.full((length, length), torch.finfo(torch.float32).min).triu(1)
        self.register_buffer("mask", mask[None, None], persistent=False)

    def forward(self, ids):
        hidden = self.embeddings(input_ids=ids, position_ids=self.positions)
        for layer in self.layers:
            hidden = layer(hidden, self.mask)
        return self.final_layer_norm(hidden)


class Decoder(nn.Module):
    """Latents as the VAE has them, [N,C,H,W], to images [N,3,f H,f W] in [-1,1]."""

    def __init__(self, vae):
        super().__init__()
        self.post_quant_conv = vae.post_quant_conv or nn.Identity()
        self.decoder = vae.decoder

    def forward(self, latents):
        return self.decoder(self.post_quant_conv(latents))
