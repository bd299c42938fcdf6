"""The 27 objects of the world, drawn from the Noto colour emoji font."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

FONT_FILE = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
STRIKE = 109  # the only bitmap size in the font
BACKGROUND = 0.72
SIZES = (11, 12, 13)
KERNEL = max(SIZES)

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "black", "white")
SHAPES = ("circle", "square", "heart")
CODEPOINTS = {
    "circle": (0x1F534, 0x1F7E0, 0x1F7E1, 0x1F7E2, 0x1F535, 0x1F7E3, 0x1F7E4, 0x26AB, 0x26AA),
    "square": (0x1F7E5, 0x1F7E7, 0x1F7E8, 0x1F7E9, 0x1F7E6, 0x1F7EA, 0x1F7EB, 0x2B1B, 0x2B1C),
    "heart": (0x2764, 0x1F9E1, 0x1F49B, 0x1F49A, 0x1F499, 0x1F49C, 0x1F90E, 0x1F5A4, 0x1F90D),
}


def draw_glyph(font, codepoint):
    """One emoji as a square RGBA image, cropped to its ink and centred."""
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((8, 8), chr(codepoint), font=font, embedded_color=True)
    box = canvas.getbbox()
    if box is None:
        raise RuntimeError(f"{FONT_FILE} draws nothing for U+{codepoint:X}")
    ink = canvas.crop(box)
    side = max(ink.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    return square


def offset_from_background(glyph, size):
    """alpha * (colour - background) at one size: [3, size, size].

    Adding it to the background is the exact composite, and it is the oracle's template.
    """
    rgba = np.asarray(glyph.resize((size, size), Image.Resampling.LANCZOS), np.float32) / 255
    return (rgba[..., 3:] * (rgba[..., :3] - BACKGROUND)).transpose(2, 0, 1)


def load_kernels():
    """Templates [27, 3 sizes, 3, 13, 13], object = colour * 3 + shape; smaller sizes are
    zero-padded at the bottom and right."""
    if not FONT_FILE.exists():
        raise SystemExit(f"{FONT_FILE} is missing: apt-get install fonts-noto-color-emoji")
    font = ImageFont.truetype(str(FONT_FILE), STRIKE)
    kernels = np.zeros((len(COLOURS) * len(SHAPES), len(SIZES), 3, KERNEL, KERNEL), np.float32)
    for colour in range(len(COLOURS)):
        for shape, name in enumerate(SHAPES):
            glyph = draw_glyph(font, CODEPOINTS[name][colour])
            for k, size in enumerate(SIZES):
                template = offset_from_background(glyph, size)
                kernels[colour * len(SHAPES) + shape, k, :, :size, :size] = template
    return torch.from_numpy(kernels)
