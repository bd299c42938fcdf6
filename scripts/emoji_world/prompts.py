"""Prompts, their tokens, the disjoint splits, and how often captions exchange colours."""

import itertools
import random
from dataclasses import dataclass

import torch

from .glyphs import COLOURS, SHAPES

SEED = 20250
PAD, UNKNOWN = 0, 1
VOCABULARY = ("<pad>", "<unk>", "a", "and", *COLOURS, *SHAPES)
LENGTH = 8
FIRST_COLOUR = VOCABULARY.index(COLOURS[0])
FIRST_SHAPE = VOCABULARY.index(SHAPES[0])
EXCHANGE_RANGE = (0.05, 0.60)
# Bend the spread: the mean over drawn scenes is .28, in the last phase of pre-training .38.
EXCHANGE_POWER, LAST_EXCHANGE_POWER = 0.7, 0.25
HELD_OUT_CELLS = 3
HELD_OUT_PAIR_PROMPTS = 60
RL_PROMPTS = 100


@dataclass(frozen=True, order=True)
class Scene:
    """Two objects, left and right; colours and shapes are indices."""

    left_colour: int
    left_shape: int
    right_colour: int
    right_shape: int

    @property
    def cells(self):
        return {(self.left_colour, self.left_shape), (self.right_colour, self.right_shape)}

    def exchanged(self):
        """The same shapes with the two colours exchanged: the wrong binding."""
        return Scene(self.right_colour, self.left_shape, self.left_colour, self.right_shape)

    def family(self):
        """Key shared by both orders of a pair and by their exchanged versions."""
        return (frozenset((self.left_colour, self.right_colour)),
                tuple(sorted((self.left_shape, self.right_shape))))

    def text(self):
        return (f"a {COLOURS[self.left_colour]} {SHAPES[self.left_shape]} and "
                f"a {COLOURS[self.right_colour]} {SHAPES[self.right_shape]}")

    def tokens(self):
        return encode(self.text())


def encode(text):
    """Word ids of a prompt, padded to LENGTH."""
    words = text.split()
    ids = [VOCABULARY.index(w) if w in VOCABULARY else UNKNOWN for w in words][:LENGTH]
    return ids + [PAD] * (LENGTH - len(ids))


def all_scenes():
    """The 648 scenes of two objects with different colours."""
    cells = list(itertools.product(range(len(COLOURS)), range(len(SHAPES))))
    return [Scene(*a, *b) for a, b in itertools.product(cells, cells) if a[0] != b[0]]


def choose_unseen_cells(rng):
    """Cells that differ in colour and shape, so that each word still occurs elsewhere."""
    colours = rng.sample(range(len(COLOURS)), HELD_OUT_CELLS)
    shapes = rng.sample(range(len(SHAPES)), HELD_OUT_CELLS)
    return set(zip(colours, shapes))


def choose_unseen_families(rng, scenes):
    """Whole families are held out: were the exchanged scene drawn, its wrong captions would
    teach the held-out prompt a wrong picture."""
    members = {}
    for scene in scenes:
        members.setdefault(scene.family(), []).append(scene)
    keys = [k for k in members if len(members[k]) == (2 if k[1][0] == k[1][1] else 4)]
    rng.shuffle(keys)
    held_out = []
    while len(held_out) < HELD_OUT_PAIR_PROMPTS:
        held_out += members[keys.pop()]
    return set(held_out)


def make_splits():
    """{split name: sorted scenes}, disjoint, fixed by SEED. `rl` and `seen` together are what
    pre-training draws."""
    rng = random.Random(SEED)
    scenes = all_scenes()
    cells = choose_unseen_cells(rng)
    known = [s for s in scenes if not s.cells & cells]
    unseen_pairs = choose_unseen_families(rng, known)
    drawn = [s for s in known if s not in unseen_pairs]
    rl = set(rng.sample(drawn, RL_PROMPTS))
    return {
        "rl": sorted(rl),
        "seen": sorted(s for s in drawn if s not in rl),
        "unseen_pairs": sorted(unseen_pairs),
        "unseen_objects": sorted(s for s in scenes if s.cells & cells),
    }


def exchange_shares(power=EXCHANGE_POWER):
    """{unordered colour pair: share of captions with the two colours exchanged}, spread over
    EXCHANGE_RANGE. Pairs differ so that prompts differ in difficulty, as real ones do."""
    pairs = [frozenset(p) for p in itertools.combinations(range(len(COLOURS)), 2)]
    random.Random(SEED + 1).shuffle(pairs)
    low, high = EXCHANGE_RANGE
    last = len(pairs) - 1
    return {p: low + (high - low) * (i / last) ** power for i, p in enumerate(pairs)}


def caption_table(drawn, power=EXCHANGE_POWER):
    """Tokens [P,8], exchanged tokens [P,8] and exchange share [P] of the drawn scenes.

    The share is 0 where the exchanged caption is not itself a drawn prompt: no caption ever
    names a held-out object or pair.
    """
    shares, known = exchange_shares(power), set(drawn)
    share = [shares[s.family()[0]] if s.exchanged() in known else 0.0 for s in drawn]
    tokens = torch.tensor([s.tokens() for s in drawn])
    exchanged = torch.tensor([s.exchanged().tokens() for s in drawn])
    return tokens, exchanged, torch.tensor(share)
