"""The exact judge: template matching against the glyphs the scenes were drawn with."""

import torch
from torch import nn
from torch.nn import functional

from .glyphs import BACKGROUND, KERNEL, SHAPES, SIZES
from .prompts import FIRST_COLOUR, FIRST_SHAPE
from .scenes import HALF

# Metric names: swap_rate is the binding confusion, both shapes right and the colours exchanged.
OUTPUTS = ("oracle_joint", "oracle_colour", "oracle_shape", "oracle_position", "swap_rate")
BLANK = -100  # equals nothing a prompt can ask for


def valid_places(objects):
    """0 where a template fits inside its half and a large cost elsewhere: [objects*3,P,P]."""
    places = HALF - min(SIZES) + 1
    cost = torch.full((len(SIZES), places, places), 1e6)
    for k, size in enumerate(SIZES):
        cost[k, :HALF - size + 1, :HALF - size + 1] = 0
    return cost.repeat(objects, 1, 1)


class Oracle(nn.Module):
    """images [N,3,16,32] in [0,1], ids int64 [N,8] of 'a C S and a C S' -> [N,5] (OUTPUTS).

    With y = image - background, a template d at a place costs |y|^2 - 2 <y,d> + |d|^2; the
    cheapest of all objects, sizes and places is what was found. A blank half costs |y|^2.
    """

    def __init__(self, kernels):
        super().__init__()
        objects = kernels.shape[0]
        flat = kernels.reshape(-1, *kernels.shape[2:])
        self.register_buffer("templates", flat.clone())
        extra = flat.square().sum((1, 2, 3))[:, None, None] + valid_places(objects)
        self.register_buffer("extra", extra)
        found = torch.arange(objects).repeat_interleave(len(SIZES) * extra.shape[1] ** 2)
        blank = torch.tensor([BLANK])
        self.register_buffer("colour_of", torch.cat([found // len(SHAPES), blank]))
        self.register_buffer("shape_of", torch.cat([found % len(SHAPES), blank]))

    def find(self, half):
        """Colour and shape index [N] of the object in a half [N,3,16,16]."""
        room = KERNEL - min(SIZES)
        correlation = functional.conv2d(functional.pad(half, (0, room, 0, room)), self.templates)
        cost = (self.extra - 2 * correlation).flatten(1)
        cost = torch.cat([cost, torch.zeros_like(cost[:, :1])], 1)  # |y|^2 is common to all
        best = cost.argmin(1)
        return self.colour_of[best], self.shape_of[best]

    def forward(self, images, ids):
        y = images - BACKGROUND
        left_colour, left_shape = self.find(y[..., :HALF])
        right_colour, right_shape = self.find(y[..., HALF:])
        colour_a, shape_a = ids[:, 1] - FIRST_COLOUR, ids[:, 2] - FIRST_SHAPE
        colour_b, shape_b = ids[:, 5] - FIRST_COLOUR, ids[:, 6] - FIRST_SHAPE
        left_ok, right_ok = left_colour == colour_a, right_colour == colour_b
        left_form, right_form = left_shape == shape_a, right_shape == shape_b
        crossed = (left_colour == colour_b) & (right_colour == colour_a)
        moved = crossed & (left_shape == shape_b) & (right_shape == shape_a)
        return torch.stack([
            (left_ok & right_ok & left_form & right_form).float(),
            (left_ok.float() + right_ok.float()) / 2,
            (left_form.float() + right_form.float()) / 2,
            1 - moved.float(),
            (crossed & left_form & right_form).float(),
        ], 1)
