"""Writes prompts for the reward of attribute binding, with its questions about their phrases as
metadata: "a red car and a blue bench" asks "a red car?" and "a blue bench?". See docs/rewards.md.

    scripts/export_env python scripts/make_binding_prompts.py blip-vqa-base --out prompts/binding.jsonl
    scripts/export_env python scripts/make_binding_prompts.py blip-vqa-base --out prompts/mine.jsonl \\
        --texts mine.jsonl

The first writes training prompts, and prompts/binding_held_out.jsonl beside them, whose coloured objects
appear in no training prompt. The second adds questions to your own prompts: lines of .jsonl with "text"
and "phrases", a list of its noun phrases.
"""

import argparse
import json
import random
from pathlib import Path

from bundle_export.command import positive, run
from bundle_export.refusal import Refusal
from reward_export import questions

COLOURS = "red orange yellow green blue purple pink brown black white".split()
OBJECTS = ("car bench bicycle chair sofa lamp vase book cup bowl backpack suitcase umbrella clock bird cat "
           "dog horse boat truck hat shirt door bus").split()
SEED = 20250
HELD_OUT_COLOURS = 2   # of each object
PROMPTS, HELD_OUT_PROMPTS = 300, 60


def phrase(pair):
    colour, thing = pair
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {thing}"


def draw(generator, pairs, count):
    """Prompts of two pairs that share neither colour nor object, no two of the same pairs."""
    both = [(a, b) for i, a in enumerate(pairs) for b in pairs[:i] if a[0] != b[0] and a[1] != b[1]]
    made = []
    for two in generator.sample(both, count):
        phrases = [phrase(pair) for pair in generator.sample(two, 2)]
        made.append({"text": " and ".join(phrases), "phrases": phrases})
    return made


def own_prompts():
    """Training prompts and held-out ones: no pair of a colour and an object is in both."""
    generator = random.Random(SEED)
    held_out = {(colour, thing) for thing in OBJECTS
                for colour in generator.sample(COLOURS, HELD_OUT_COLOURS)}
    pairs = [(colour, thing) for colour in COLOURS for thing in OBJECTS]
    return (draw(generator, [pair for pair in pairs if pair not in held_out], PROMPTS),
            draw(generator, sorted(held_out), HELD_OUT_PROMPTS))


def read_prompts(path):
    """Objects with "text" and "phrases", one a line."""
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}") from None
    prompts = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            prompt = json.loads(line)
            phrases = prompt["phrases"]
            usable = isinstance(prompt["text"], str) and isinstance(phrases, list) and phrases and all(
                isinstance(x, str) and x.strip() for x in phrases)
        except (ValueError, KeyError, TypeError):
            usable = False
        if not usable:
            raise Refusal(f"{path}, line {number}: expected {{\"text\": \"a red car\", \"phrases\": "
                          "[\"a red car\"]}")
        prompts.append(prompt)
    return prompts


def write(path, prompts):
    """A file appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("".join(json.dumps(prompt, ensure_ascii=False) + "\n" for prompt in prompts))
    part.replace(path)
    print(f"{path}: {len(prompts)} prompts")


def export(arguments):
    out = arguments.out
    files = [out]
    if not arguments.texts:
        files.append(out.with_name(f"{out.stem}_held_out{out.suffix}"))
    for path in files:
        if path.exists() and not arguments.force:
            raise Refusal(f"{path} is there; --force replaces it")
    tokenizer, words = questions.load_tokenizer(arguments.model)
    sets = [read_prompts(arguments.texts)] if arguments.texts else own_prompts()
    for prompts in sets:
        for prompt in prompts:
            prompt[questions.KEY] = questions.encode(tokenizer, words, prompt["phrases"],
                                                     arguments.phrases, arguments.length)
    for path, prompts in zip(files, sets):
        write(path, prompts)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="BLIP_DIR", help="has the tokenizer")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl")
    parser.add_argument("--texts", type=Path, metavar="FILE.jsonl",
                        help="your prompts with their phrases (default: prompts of colours and objects)")
    parser.add_argument("--phrases", type=positive(int), default=questions.PHRASES, metavar="P",
                        help="most phrases a prompt, as the reward was exported (default: %(default)s)")
    parser.add_argument("--length", type=positive(int), default=questions.LENGTH, metavar="L",
                        help="ids a question, as the reward was exported (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    run("make_binding_prompts", export, parser.parse_args())


if __name__ == "__main__":
    main()
