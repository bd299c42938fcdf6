"""CLIP's text encoder in the form that traces."""

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
