"""Writes clip_tokenizer.json: a small vocabulary, and what transformers' CLIPTokenizer makes of some
texts. Run it in the environment of the export scripts:

    scripts/export_env python tests/golden/make_clip_tokenizer_golden.py
"""

import json
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))

import clip_pieces  # noqa: E402

LENGTH = 16
TEXTS = ["", " ", "a photo of the cat", "A  PHOTO\tof\nTHE Cat", "it's they're I'm DON'T",
         "cat's 's'", "2024 3.14", "!!...!!", "caf\u00e9 cafe\u0301", "stra\u00dfe \u0130", "\u65e5\u672c \U0001f600\u200d\U0001f600",
         "\u043f\u0440\u0438\u0432\u0435\u0442", "\u05e9\u05c1\u05dc\u05d5\u05dd", "a\u00a0b\u3000c\u200bd", "x\u0000y\u0007z",
         "<|endoftext|> cat <|startoftext|>dog", "<|EndOfText|>", "<|endoftext", "zq\u4e2d",
         "cat dog red green blue astronaut riding horse cat dog red green blue astronaut",
         "aaaaaaaaa", "horsehorsehorse", "\ufb01\u212b\u216b\u00bd"]


def main():
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        tokenizer = clip_pieces.write(directory)
        ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=LENGTH).input_ids
        golden = {"vocab": json.loads((directory / "vocab.json").read_text()),
                  "merges": (directory / "merges.txt").read_text().splitlines(),
                  "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id,
                  "pad": tokenizer.pad_token_id, "length": LENGTH,
                  "cases": [{"text": text, "ids": row} for text, row in zip(TEXTS, ids)]}
    (HERE / "clip_tokenizer.json").write_text(json.dumps(golden, indent=None) + "\n")


if __name__ == "__main__":
    main()
