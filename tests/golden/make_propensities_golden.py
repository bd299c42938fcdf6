"""Writes propensities.json: cross-fitted propensity models by NumPy, for tests/bandit.

Each fold's model is fitted on explicit design matrices of the other rows, all coefficients at once,
by Newton's method from zero with the full Hessian and dense solves.

Needs numpy: python3 tests/golden/make_propensities_golden.py
"""

import json
import pathlib

import numpy as np

ROWS, ACTIONS, FOLDS, L2 = 90, 4, 3, 0.7
CITIES = ["Rome", "Oslo"]


def log():
    rng = np.random.default_rng(5)
    age = np.round(rng.normal(40, 12, ROWS), 3)
    city = rng.integers(0, 2, ROWS)
    city[:2] = [0, 1]  # categories in the order in which they are met
    position = rng.integers(1, 3, ROWS)
    slope = np.linspace(-1, 1, ACTIONS)
    score = .1 * (age[:, None] - 40) * slope + city[:, None] * slope ** 2 + .4 * position[:, None]
    p = np.exp(score) / np.exp(score).sum(1, keepdims=True)
    action = np.array([rng.choice(ACTIONS, p=row) for row in p])
    action[:ACTIONS] = range(ACTIONS)
    multiplicity = rng.integers(1, 4, ROWS).astype(float)
    return age, city, action, position, multiplicity


def features(kind, age, city, position):
    """One row of features each. Cells are features here: an indicator of each position."""
    place = np.stack([position == 1, position == 2], 1).astype(float)
    if kind == "cells":
        return place
    scaled = ((age - age.mean()) / age.std())[:, None]
    onehot = np.stack([city == 0, city == 1, np.zeros(ROWS)], 1)  # the last: unseen
    return np.concatenate([np.ones((ROWS, 1)), scaled, onehot, place], 1)


def probabilities(z, u, offset):
    score = offset + z @ u
    e = np.exp(score - score.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def fit(z, action, c, offset):
    """Coefficients [features, actions]; the Hessian has a block for each pair of actions."""
    width = z.shape[1]
    u = np.zeros((width, ACTIONS))
    truth = np.eye(ACTIONS)[action]
    for _ in range(50):
        p = probabilities(z, u, offset)
        gradient = z.T @ (c[:, None] * (p - truth)) + L2 * u
        hessian = L2 * np.eye(width * ACTIONS)
        for a in range(ACTIONS):
            for b in range(ACTIONS):
                w = c * p[:, a] * ((a == b) - p[:, b])
                rows, columns = slice(a * width, (a + 1) * width), slice(b * width, (b + 1) * width)
                hessian[rows, columns] += (z * w[:, None]).T @ z
        u = u - np.linalg.solve(hessian, gradient.T.ravel()).reshape(ACTIONS, width).T
    assert np.abs(gradient).max() < 1e-10
    return u


def main():
    age, city, action, position, count = log()
    fold = np.arange(ROWS) % FOLDS
    golden = {"folds": FOLDS, "l2": L2, "actions": ACTIONS, "predictions": {},
              "columns": {"age": age.tolist(), "city": [CITIES[c] for c in city],
                          "action": action.tolist(), "position": position.tolist(),
                          "multiplicity": count.tolist()}}
    for kind in ["cells", "per_action"]:
        z, out = features(kind, age, city, position), np.zeros((ROWS, ACTIONS))
        for k in range(FOLDS):
            rest = fold != k
            n = np.bincount(action[rest], count[rest], ACTIONS)
            offset = np.log((n + .5) / (n.sum() + .5 * ACTIONS))
            u = fit(z[rest], action[rest], count[rest], offset)
            out[~rest] = probabilities(z[~rest], u, offset)
        golden["predictions"][kind] = out.ravel().tolist()
    path = pathlib.Path(__file__).with_name("propensities.json")
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
