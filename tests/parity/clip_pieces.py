"""A small vocabulary for CLIP's tokenizer, in the files and with the special tokens of the real one."""

import json

from transformers import CLIPTokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ("photo of the cat and dog red green blue astronaut riding horse it's don't they're i'm "
         "café straße привет 日本 😀 under 2024 ... !!").split()


def byte_alphabet():
    """Bytes as GPT-2's tokenizer writes them."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain},
            **{byte: chr(0x100 + i) for i, byte in enumerate(others)}}


def learn_merges():
    """The pieces of WORDS, joined from the left; and a few that compete."""
    alphabet = byte_alphabet()
    merges = []
    for word in WORDS:
        pieces = [alphabet[byte] for byte in word.lower().encode()]
        pieces[-1] += "</w>"
        while len(pieces) > 1:
            if (pieces[0], pieces[1]) not in merges:
                merges.append((pieces[0], pieces[1]))
            pieces[:2] = [pieces[0] + pieces[1]]
    for pair in (("a", "t</w>"), ("o", "t"), ("h", "e</w>"), ("t", "he</w>"), ("a", "a"), ("aa", "aa")):
        if pair not in merges:
            merges.append(pair)
    return merges


def write(directory, pad=END):
    """vocab.json and merges.txt in `directory`, and transformers' tokenizer of them."""
    pieces = list(byte_alphabet().values())
    pieces += [piece + "</w>" for piece in pieces]
    merges = learn_merges()
    pieces += [left + right for left, right in merges] + [START, END]
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    (directory / "vocab.json").write_text(json.dumps(vocabulary))
    lines = "".join(f"{left} {right}\n" for left, right in merges)
    (directory / "merges.txt").write_text("#version: 0.2\n" + lines)
    (directory / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "bos_token": START, "eos_token": END,
        "unk_token": END, "pad_token": pad, "model_max_length": 77}))
    return CLIPTokenizer.from_pretrained(directory)
