"""Rendering scenes, and the pixel-unshuffled latents the denoiser works on."""

import torch
from torch.nn import functional

from .glyphs import BACKGROUND, SHAPES, SIZES

HEIGHT, WIDTH, HALF = 16, 32, 16
FOLD = 2  # pixels folded into channels: 3 x 16 x 32 becomes 12 x 8 x 16


def place(image, kernel, size, left, generator):
    """Adds one object to `image` [3,16,32] at a random place of the half starting at `left`."""
    room = HALF - size + 1
    y, x = torch.randint(room, (2,), generator=generator).tolist()
    image[:, y:y + size, left + x:left + x + size] += kernel[:, :size, :size]


def render(scene, kernels, generator):
    """One scene with random sizes and places: [3,16,32] in [0,1]."""
    image = torch.full((3, HEIGHT, WIDTH), BACKGROUND)
    sides = ((scene.left_colour, scene.left_shape, 0),
             (scene.right_colour, scene.right_shape, HALF))
    for colour, shape, left in sides:
        k = int(torch.randint(len(SIZES), (), generator=generator))
        place(image, kernels[colour * len(SHAPES) + shape, k], SIZES[k], left, generator)
    return image.clamp(0, 1)


def render_many(scenes, kernels, seed):
    """Images uint8 [N,3,16,32] of a list of scenes."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.empty(len(scenes), 3, HEIGHT, WIDTH, dtype=torch.uint8)
    for i, scene in enumerate(scenes):
        images[i] = (render(scene, kernels, generator) * 255).round()
    return images


def to_latents(images):
    """uint8 [N,3,16,32] to float [N,12,8,16] in [-1,1]."""
    return functional.pixel_unshuffle(images.float() / 127.5 - 1, FOLD)


def to_images(latents):
    """[N,12,8,16] in [-1,1] to images [N,3,16,32] in [0,1]."""
    return (functional.pixel_shuffle(latents, FOLD) / 2 + 0.5).clamp(0, 1)
