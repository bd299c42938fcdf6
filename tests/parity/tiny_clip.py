"""A CLIP of a few thousand numbers and heads like that of LAION's aesthetic predictor, drawn at random,
in transformers' directory layout.

Weights are larger than transformers draws them, so that pictures and texts matter."""

import clip_pieces
import torch
from random_pipeline import widen
from torch import nn
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

SIDE, WIDTH = 32, 24  # of the pictures, of the embeddings
# LAION's head but for the width of the embeddings.
HEAD = nn.Sequential(nn.Linear(WIDTH, 1024), nn.Dropout(0.2), nn.Linear(1024, 128), nn.Dropout(0.2),
                     nn.Linear(128, 64), nn.Dropout(0.1), nn.Linear(64, 16), nn.Linear(16, 1))


def write(directory, **text):
    """The model and its image processor. `text`: of the text encoder's configuration."""
    directory.mkdir(parents=True)
    torch.manual_seed(7)
    tokenizer = clip_pieces.write(directory)
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
              "num_attention_heads": 4}
    # Published configurations still say eos_token_id 2; the end is then the greatest id.
    model = CLIPModel(CLIPConfig(
        text_config={**layers, "vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 2,
                     **text},
        vision_config={**layers, "image_size": SIDE, "patch_size": 8}, projection_dim=WIDTH))
    widen(model)
    model.save_pretrained(directory)
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE},
                                      crop_size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(directory)
    return model.eval(), processor, tokenizer


def write_head(path):
    """The predictor's state, `layers.0.weight` and so on; the head itself."""
    torch.manual_seed(8)
    for layer in HEAD:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=1.5 / layer.in_features ** 0.5)
    torch.save({f"layers.{name}": value for name, value in HEAD.state_dict().items()}, path)
    return HEAD.eval()
