"""A BlipForQuestionAnswering of a few thousand numbers, drawn at random, in transformers' directory
layout, with the special tokens of the real one.

Weights are larger than transformers draws them, so that pictures and questions matter."""

import json

import torch
from random_pipeline import widen
from transformers import (BertTokenizer, BlipConfig, BlipForQuestionAnswering, BlipImageProcessorPil)

SIDE = 32
WORDS = ("[PAD] [UNK] [CLS] [SEP] [MASK] yes no a an the and red orange yellow green blue purple pink brown "
         "black white car bench bicycle chair sofa lamp vase book cup bowl backpack suitcase umbrella clock "
         "bird cat dog horse boat truck hat shirt door bus two ##s old wooden ? ,").split()
DEC, ENC = len(WORDS), len(WORDS) + 1  # behind the tokenizer's words


def write(directory):
    """The model, its image processor and its tokenizer."""
    directory.mkdir(parents=True)
    torch.manual_seed(9)
    layers = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
              "num_attention_heads": 4}
    model = BlipForQuestionAnswering(BlipConfig(
        text_config={**layers, "encoder_hidden_size": 32, "vocab_size": ENC + 1, "bos_token_id": DEC,
                     "sep_token_id": WORDS.index("[SEP]"), "max_position_embeddings": 40},
        vision_config={**layers, "image_size": SIDE, "patch_size": 8, "initializer_range": 0.02}))
    for _ in range(3):
        widen(model)
    model.save_pretrained(directory)
    (directory / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    (directory / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    processor = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(directory)
    return model.eval(), processor, BertTokenizer.from_pretrained(directory)
