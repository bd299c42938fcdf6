"""CLIP's tokenizer in C++ against transformers' CLIPTokenizer.

    clip_tokenizer_test.py ENCODE_TEXTS SOURCE_DIR

Runs in the environment of the export scripts, SOURCE_DIR/.deps/export; without it the exit status is
77, skipped. LOOPLINE_CLIP_TOKENIZER names a directory with the files of a real one."""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

import export_environment

BINARY, SOURCE = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
export_environment.enter(SOURCE)

import clip_pieces  # noqa: E402
from transformers import CLIPTokenizer  # noqa: E402

LENGTH = 77
PARTS = [*clip_pieces.WORDS, clip_pieces.START, clip_pieces.END, "<|EndOfText|>", "<|endoftext", "|>",
         "'s", "'S", "'LL", "'", "''", "\u2019s", " ", "  ", "\t", "\n", "\u00a0", "\u3000",
         "\u200b", "\u200d", "\ufe0f", "\x00", "\x07", "\x1b", "\x7f", "\x85", "\u0301", "\u0327\u0301",
         "e\u0301", "\u0130", "\u0131", "\u00df", "\u1e9e", "\u01c5", "\u03a3", "\ufb01", "\u212b",
         "\uac00", "\u1100\u1161\u11a8", "\u0e01\u0e33", "\u05e9\u05c1", "\u0645\u0631", "\u0660\u0661", "\u216b",
         "\u00bd", "\u4e2d\u6587", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\U0001d400",
         "!", "!!", "...", "#", "@", "$5", "1", "12", "3.14", "a1b2", "-", "_", "</w>", "\ufffd", "\U0010ffff"]


def odd_texts(count):
    draw = random.Random(7)
    for _ in range(count):
        parts = []
        for _ in range(draw.randint(0, 12)):
            kind = draw.random()
            if kind < 0.7:
                parts.append(draw.choice(PARTS))
            elif kind < 0.9:
                parts.append("".join(chr(draw.randint(32, 126)) for _ in range(draw.randint(1, 6))))
            else:
                point = draw.randint(0, 0x10FFFF)
                parts.append(chr(point) if not 0xD800 <= point < 0xE000 else "?")
        yield draw.choice(("", " ")).join(parts)


def every_character():
    """Each in the middle of a word, alone, behind a sign and before a combining mark."""
    for point in range(0x110000):
        if not 0xD800 <= point < 0xE000:
            yield f"a{chr(point)}b {chr(point)} .{chr(point)}\u0301"


class ClipTokenizer(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def compare(self, tokenizer, directory, texts, length=LENGTH):
        texts = list(texts)
        expected = tokenizer(texts, padding="max_length", truncation=True, max_length=length).input_ids
        ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id, length)
        run = subprocess.run([BINARY, directory / "vocab.json", directory / "merges.txt", *map(str, ids)],
                             input="".join(json.dumps(text) + "\n" for text in texts),
                             capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        found = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(found), len(texts))
        wrong = [(text, e, f) for text, e, f in zip(texts, expected, found) if e != f]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(texts)} differ")
        print(f"{len(texts)} texts, all ids equal")

    def test_odd_texts(self):
        for pad in (clip_pieces.END, "!"):
            tokenizer = clip_pieces.write(self.directory, pad)
            self.compare(tokenizer, self.directory, odd_texts(20000))
            self.compare(tokenizer, self.directory, odd_texts(2000), length=8)

    def test_every_character(self):
        self.compare(clip_pieces.write(self.directory), self.directory, every_character())

    def test_long_words(self):
        tokenizer = clip_pieces.write(self.directory)
        self.compare(tokenizer, self.directory,
                     ["a" * n for n in (1, 63, 64, 65, 1000)] + ["\u0301" * 500, "cat" * 300, "é" * 200])

    def test_a_real_vocabulary(self):
        real = os.environ.get("LOOPLINE_CLIP_TOKENIZER")
        if not real:
            self.skipTest("LOOPLINE_CLIP_TOKENIZER is not set")
        self.compare(CLIPTokenizer.from_pretrained(real), pathlib.Path(real), odd_texts(50000))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
