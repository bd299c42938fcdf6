"""Rewards of the CLIP family: LAION's aesthetic predictor, and similarity of picture and prompt."""

import re

import torch
from bundle_export.clip_text import TextEncoder
from bundle_export.refusal import Refusal
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F


class ImageEmbedding(nn.Module):
    """Images to CLIPModel's embeddings of them, [N,D], of length 1."""

    def __init__(self, prepare, model):
        super().__init__()
        self.prepare, self.vision = prepare, model.vision_model
        self.projection = model.visual_projection

    def forward(self, images):
        return F.normalize(self.projection(self.vision(self.prepare(images)).pooler_output), dim=1)


class TextEmbedding(nn.Module):
    """Ids int64 [N,length] to CLIPModel's embeddings of the texts, [N,D], of length 1."""

    def __init__(self, model, length, end):
        super().__init__()
        self.text, self.projection = TextEncoder(model.text_model, length), model.text_projection
        self.end = end

    def forward(self, ids):
        hidden = self.text(ids)
        last = (ids == self.end).int().argmax(1)  # the first end; behind it is padding
        last = last[:, None, None].expand(-1, 1, hidden.shape[2])
        return F.normalize(self.projection(hidden.gather(1, last)[:, 0]), dim=1)


class Aesthetic(nn.Module):
    """Images to [N]: `head` of their embeddings."""

    def __init__(self, image, head):
        super().__init__()
        self.image, self.head = image, head

    def forward(self, images):
        return self.head(self.image(images))[:, 0]


class Similarity(nn.Module):
    """Images, and ids int64 [N,length], to [N]: exp(logit_scale) cos(image, text), the diagonal of
    CLIPModel's logits."""

    def __init__(self, image, text, logit_scale):
        super().__init__()
        self.image, self.text, self.logit_scale = image, text, logit_scale

    def forward(self, images, ids):
        return self.logit_scale.exp() * (self.image(images) * self.text(ids)).sum(1)


def load_state(path):
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror or error}") from None
    except SafetensorError as error:
        raise Refusal(f"{path}: cannot be read: {error}") from None
    except Exception as error:  # what torch.load raises on other files has no common class
        raise Refusal(f"{path}: no weights that torch.load reads with weights_only: "
                      f"{str(error).strip().splitlines()[0]}") from None


def load_head(path, width):
    """The linear layers of LAION's head, `layers.N.weight` and `.bias` in the order of N; the dropouts
    between them do nothing in a finished network. `width`: of the embeddings."""
    state = load_state(path)
    if not isinstance(state, dict) or not all(
            re.fullmatch(r"layers\.\d+\.(weight|bias)", str(key)) for key in state):
        raise Refusal(f"{path}: expected weights named layers.0.weight, layers.0.bias, layers.2.weight, "
                      "..., as LAION's aesthetic predictor has them")
    numbers = sorted({int(key.split(".")[1]) for key in state})
    layers, takes = [], width
    for number in numbers:
        weight, bias = (state.get(f"layers.{number}.{part}") for part in ("weight", "bias"))
        if weight is None or bias is None or weight.dim() != 2 or bias.shape != weight.shape[:1]:
            raise Refusal(f"{path}: layers.{number} is no linear layer with weight and bias")
        if weight.shape[1] != takes:
            raise Refusal(f"{path}: layers.{number} takes {weight.shape[1]} numbers, before it are {takes}"
                          + ("; the head is of another CLIP" if not layers else ""))
        layer = nn.Linear(takes, weight.shape[0])
        layer.load_state_dict({"weight": weight, "bias": bias})
        layers.append(layer)
        takes = weight.shape[0]
    if not layers or takes != 1:
        raise Refusal(f"{path}: ends in {takes} numbers; a score is one")
    return nn.Sequential(*layers).eval()
