"""The reward bundles."""

import importlib.metadata
import json
import platform
from dataclasses import dataclass
from pathlib import Path

import torch
from bundle_export import pretrained, vocabulary
from bundle_export.compare import compare, expect
from bundle_export.refusal import Refusal
from bundle_export.tracing import trace
from transformers import (BlipForQuestionAnswering, BlipImageProcessorPil, CLIPImageProcessorPil, CLIPModel,
                          CLIPTokenizer)

from . import blip, clip, pictures, questions

SEED = 11
MODEL = "model.ts"
PACKAGES = ("torch", "transformers")
PROMPTS = ("a photo of an astronaut riding a horse", "", "two cats, and a dog !! " * 40)
PHRASES = (["a red car", "a blue bench"], ["a cat"], ["two dogs", "an old wooden chair"])
BATCHES = (1, 3)  # rows that are compared; two are traced


@dataclass(frozen=True)
class Bundle:
    """What all rewards share: the directory to fill, the name, and the pictures' (height, width) or
    None for the network's own."""
    out: Path
    name: str
    resolution: tuple | None


def say(text):
    print(text, flush=True)


def load(kind, model_type, directory):
    path = directory / "config.json"
    found = pretrained.read_json(path, f"the directory of a {kind.__name__}").get("model_type")
    if found != model_type:
        raise Refusal(f"{path}: model_type {found}; a {kind.__name__} has {model_type}")
    return pretrained.load(kind, directory)


def prepare(kind, directory, side, bundle):
    """Prepare, and the image processor it is made of."""
    processor = pictures.load_processor(kind, directory, side)
    height, width = bundle.resolution or (side, side)
    pictures.require_large_enough(processor, side, height, width)
    made = pictures.Prepare(processor, side, height, width)
    drawn, images = pictures.draw(max(BATCHES), height, width, SEED)
    pictures.check(made, processor, drawn, images)
    return made, images


def export(network, original, inputs, bundle):
    """Traces `network` and compares it with `original` on the first rows of `inputs`."""
    say(f"{bundle.name} (minutes for a network of full size)")
    expected = [expect(bundle.name, original, *(x[:rows] for x in inputs)) for rows in BATCHES]
    example = tuple(x[:2] for x in inputs)
    compare(trace(network, example, inputs, bundle.out / MODEL), expected)


def write_manifest(bundle, images, inputs, components, directory, more=None, **fields):
    """reward.json, version 1. `more`: what else it was made of."""
    versions = {package: importlib.metadata.version(package) for package in PACKAGES}
    manifest = {
        "format": "loopline-reward", "version": 1, "name": bundle.name, "requires": [],
        "files": {"model": MODEL},
        "image": {"channels": 3, "height": images.shape[2], "width": images.shape[3],
                  "data_range": [0.0, 1.0], "resize": "none" if bundle.resolution else "bilinear"},
        "inputs": [{"source": "images"}, *inputs],
        **fields,
        "output": {"components": components, "total": components[0]},
        "provenance": {"model": directory.resolve().name, **(more or {}),
                       "versions": {"python": platform.python_version(), **versions}},
    }
    text = json.dumps(manifest, indent=2, allow_nan=False)
    (bundle.out / "reward.json").write_text(text + "\n")


def write_aesthetic(directory, head_file, bundle):
    """LAION's aesthetic predictor: the CLIP in `directory` and the head in `head_file`."""
    model = load(CLIPModel, "clip", directory)
    head = clip.load_head(head_file, model.config.projection_dim)
    side = model.config.vision_config.image_size
    prepared, images = prepare(CLIPImageProcessorPil, directory, side, bundle)

    def original(images):
        embedding = model.get_image_features(pixel_values=prepared(images)).pooler_output
        return head(embedding / embedding.norm(dim=-1, keepdim=True)).squeeze(1)
    network = clip.Aesthetic(clip.ImageEmbedding(prepared, model), head)
    export(network, original, (images,), bundle)
    write_manifest(bundle, images, [], [bundle.name], directory, {"head": head_file.name})


def write_similarity(directory, bundle):
    """CLIP's logit of picture and prompt."""
    model = load(CLIPModel, "clip", directory)
    pretrained.read_json(directory / "tokenizer_config.json", "the tokenizer of a CLIP model (of a model "
                         "without, that of the model that it was fine-tuned from)")
    tokenizer = CLIPTokenizer.from_pretrained(directory, local_files_only=True)
    vocabulary.require_no_additions(tokenizer, directory)
    length = vocabulary.length_of(tokenizer, model.text_model)
    side = model.config.vision_config.image_size
    prepared, images = prepare(CLIPImageProcessorPil, directory, side, bundle)
    ids = tokenizer(list(PROMPTS), padding="max_length", truncation=True, max_length=length,
                    return_tensors="pt").input_ids

    def original(images, ids):
        return model(input_ids=ids, pixel_values=prepared(images)).logits_per_image.diagonal()
    network = clip.Similarity(clip.ImageEmbedding(prepared, model),
                              clip.TextEmbedding(model, length, tokenizer.eos_token_id),
                              model.logit_scale)
    export(network, original, (images, ids), bundle)
    vocabulary.write(tokenizer, bundle.out)
    write_manifest(bundle, images, [{"source": "tokens"}], [bundle.name], directory,
                   tokenizer=vocabulary.entry(tokenizer, length))


def probability_of_yes(model, words, among):
    """Of one picture and one question without padding, by transformers' own modules."""
    def probability(pixels, ids):
        patches = model.vision_model(pixel_values=pixels).last_hidden_state
        question = model.text_encoder(input_ids=ids, encoder_hidden_states=patches).last_hidden_state
        start = torch.tensor([[model.decoder_start_token_id]])
        logits = model.text_decoder(input_ids=start, encoder_hidden_states=question).logits[0, 0]
        if among == "yes-no":
            return logits[[words.yes, words.no]].softmax(0)[0]
        return logits.softmax(0)[words.yes]
    return probability


def write_binding(directory, shape, among, bundle):
    """BLIP's answers to questions about the prompt's phrases. `shape`: phrases a prompt, ids a question;
    `among`: of blip.AMONG."""
    model = load(BlipForQuestionAnswering, "blip", directory)
    tokenizer, words = questions.load_tokenizer(directory)
    side = model.config.vision_config.image_size
    prepared, images = prepare(BlipImageProcessorPil, directory, side, bundle)
    asked = torch.tensor([questions.encode(tokenizer, words, phrases[:shape[0]], *shape)
                          for phrases in PHRASES])
    probability = probability_of_yes(model, words, among)

    def original(images, asked):
        rows = []
        for picture, ids in zip(images, asked):
            pixels = prepared(picture[None])
            yes = torch.stack([probability(pixels, row[row != words.pad][None])
                               for row in ids if (row != words.pad).any()])
            rows.append(torch.stack([yes.prod(), yes.min()]))
        return torch.stack(rows)
    export(blip.Binding(prepared, model, words, among), original, (images, asked), bundle)
    source = {"source": "metadata", "key": questions.KEY, "dtype": "int64", "shape": list(shape)}
    write_manifest(bundle, images, [source], [bundle.name, f"{bundle.name}_weakest"], directory,
                   {"yes_among": among})
