"""A picture of the base model's samples, one prompt a row."""

import torch
from PIL import Image

SEED = 1
ROWS, COLUMNS, ZOOM, GAP = 8, 8, 3, 1


def to_picture(images, path):
    """Writes images [ROWS*COLUMNS,3,H,W] in [0,1] as a PNG grid."""
    framed = torch.nn.functional.pad(images, (GAP, GAP, GAP, GAP), value=1.0)
    _, channels, height, width = framed.shape
    grid = framed.reshape(ROWS, COLUMNS, channels, height, width).permute(0, 3, 1, 4, 2)
    pixels = (grid.reshape(ROWS * height, COLUMNS * width, channels) * 255).round().byte()
    picture = Image.fromarray(pixels.numpy())
    size = (picture.width * ZOOM, picture.height * ZOOM)
    picture.resize(size, Image.Resampling.NEAREST).save(path, optimize=True)


def draw_samples(bundle, scenes, path):
    """Samples of ROWS prompts spread over a split; returns the prompts' texts."""
    rows = scenes[::len(scenes) // ROWS][:ROWS]
    ids = torch.tensor([s.tokens() for s in rows]).repeat_interleave(COLUMNS, 0)
    to_picture(bundle.images(ids, torch.Generator().manual_seed(SEED)), path)
    return [s.text() for s in rows]
