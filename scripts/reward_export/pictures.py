"""What a model's image processor does to a picture, inside the network: resize, crop, normalise."""

import random

import torch
from bundle_export.pretrained import read_json
from bundle_export.refusal import Refusal
from PIL import Image
from torch import nn
from torch.nn import functional as F

RESAMPLE = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
LEVEL = 1 / 255
# On average, of resized pictures: colours half-way between two levels may fall on either side. Bicubic
# without rounding to levels is 0.25 off, bilinear 0.3 and more.
ROUNDING = 0.1 * LEVEL


class Prepare(nn.Module):
    """Images float32 [N,3,H,W] in [0,1], of the size given to `hold`, to what the vision network takes,
    [N,3,S,S]: `processor` as a module."""

    def __init__(self, processor, side, height, width):
        super().__init__()
        self.side, self.resized = side, resized_size(processor, height, width)
        self.resizes = self.resized != (height, width)
        self.mode = RESAMPLE[processor.resample]
        for name in ("mean", "std"):
            values = torch.tensor(getattr(processor, f"image_{name}")).view(3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, images):
        if self.resizes:
            images = resize(images, *self.resized, self.mode)
        top, left = ((x - self.side) // 2 for x in self.resized)
        images = images[:, :, top:top + self.side, left:left + self.side]
        return (images - self.mean) / self.std


def resize(images, height, width, mode):
    """As PIL: columns, then rows, with colours of 8 bits after each."""
    for size in ((images.shape[2], width), (height, width)):
        images = F.interpolate(images, size=size, mode=mode, antialias=True)
        images = (images.clamp(0, 1) / LEVEL).round() * LEVEL
    return images


def resized_size(processor, height, width):
    """Height and width after resizing, before the crop."""
    size = processor.size
    if not processor.do_resize:
        return height, width
    if size.shortest_edge is None:
        return size.height, size.width
    short = min(height, width)
    return tuple(size.shortest_edge if x == short else int(size.shortest_edge * x / short)
                 for x in (height, width))


def load_processor(kind, directory, side):
    """transformers' image processor of a network that takes pictures of `side` x `side`."""
    path = directory / "preprocessor_config.json"
    read_json(path, "the settings of the model's image processor (of a model without, those of the "
                    "model that it was fine-tuned from)")
    processor = kind.from_pretrained(directory, local_files_only=True)
    if processor.resample not in RESAMPLE:
        raise Refusal(f"{path}: resample {int(processor.resample)} is not supported; 2 (bilinear) and 3 "
                      "(bicubic) are")
    if not (processor.do_rescale and processor.do_normalize) or processor.rescale_factor != LEVEL:
        raise Refusal(f"{path}: the processor leaves pictures as they are; one that scales by 1/255 and "
                      "normalises is supported")
    crop = processor.crop_size if getattr(processor, "do_center_crop", None) else None
    height, width = (crop.height, crop.width) if crop else resized_size(processor, side, side)
    if (height, width) != (side, side):
        raise Refusal(f"{path}: makes pictures of {height} x {width}; the network takes {side} x {side}")
    return processor


def require_large_enough(processor, side, height, width):
    """transformers pads what is smaller than the crop."""
    if min(resized_size(processor, height, width)) < side:
        raise Refusal(f"--resolution {height}x{width}: smaller than the {side} x {side} that the network "
                      "takes, and its processor does not enlarge")


def draw(count, height, width, seed):
    """Random pictures, smooth with sharp edges: PIL images, and the same as float32 [N,3,H,W]."""
    generator = random.Random(seed)
    made = []
    for _ in range(count):
        small = Image.frombytes("RGB", (5, 5), generator.randbytes(75))
        picture = small.resize((width, height), Image.Resampling.BICUBIC)
        box = sorted(generator.sample(range(width), 2)), sorted(generator.sample(range(height), 2))
        (left, right), (top, bottom) = box
        picture.paste(tuple(generator.randbytes(3)), (left, top, right, bottom))
        made.append(picture)
    as_bytes = torch.stack([
        torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(height, width, 3)
        for picture in made])
    return made, as_bytes.permute(0, 3, 1, 2).float() * LEVEL


def check(prepare, processor, pictures, images):
    """`prepare` makes of images what the processor makes of the pictures. Prints the difference."""
    wanted = processor(images=pictures, return_tensors="pt")["pixel_values"]
    differences = ((prepare(images) - wanted) * prepare.std).abs()
    largest, average = differences.max().item(), differences.mean().item()
    height, width = images.shape[2:]
    print(f"  pixels of {height} x {width} as the image processor makes them: differ by "
          f"{largest / LEVEL:.1g} of 255, {average / LEVEL:.2g} on average", flush=True)
    if not (average <= ROUNDING if prepare.resizes else largest <= 1e-6):
        raise RuntimeError("what was exported does not prepare pictures as the image processor does")
