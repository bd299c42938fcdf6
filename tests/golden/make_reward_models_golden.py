"""Writes reward_models.json: cross-fitted reward models by NumPy, for tests/bandit.

Each fold's model is fitted on explicit design matrices of the other rows: ridge by least squares on
the rows with sqrt(l2) I below them, logistic by Newton's method from zero with dense solves.

Needs numpy: python3 tests/golden/make_reward_models_golden.py
"""

import json
import pathlib

import numpy as np

ROWS, ACTIONS, FOLDS, L2 = 60, 3, 4, 1.5
CITIES = ["Rome", "Oslo"]


def log():
    rng = np.random.default_rng(11)
    age = np.round(rng.normal(40, 12, ROWS), 3)
    city = rng.integers(0, 2, ROWS)
    city[:2] = [0, 1]  # categories in the order in which they are met
    action, position = rng.integers(0, ACTIONS, ROWS), rng.integers(1, 3, ROWS)
    action[:ACTIONS] = range(ACTIONS)
    score = .04 * (age - 40) * (action - 1) + .8 * city - .3 * position
    reward = (rng.random(ROWS) < 1 / (1 + np.exp(-score))).astype(float)
    multiplicity = rng.integers(1, 4, ROWS).astype(float)
    return age, city, action, position, reward, multiplicity


def features(kind, age, city, position, action):
    """Features of every row with a given action, and their group."""
    one = np.ones((ROWS, 1))
    if kind == "cells":
        return one, (position - 1) * ACTIONS + action
    scaled = ((age - age.mean()) / age.std())[:, None]
    onehot = np.stack([city == 0, city == 1, np.zeros(ROWS)], 1)  # the last: unseen
    place = np.stack([position == 1, position == 2], 1)
    common = np.concatenate([one, scaled, onehot, place], 1).astype(float)
    if kind == "per_action":
        return common, action
    return np.concatenate([common, np.eye(ACTIONS)[action]], 1), np.zeros(ROWS, int)


def ridge(z, r, c):
    root = np.sqrt(c)[:, None]
    stacked = np.concatenate([root * z, np.sqrt(L2) * np.eye(z.shape[1])])
    return np.linalg.lstsq(stacked, np.concatenate([root[:, 0] * r, np.zeros(z.shape[1])]),
                           rcond=None)[0]


def logistic(z, r, c, offset):
    u = np.zeros(z.shape[1])
    for _ in range(100):
        q = 1 / (1 + np.exp(-offset - z @ u))
        hessian = (z * (c * q * (1 - q))[:, None]).T @ z + L2 * np.eye(len(u))
        u = u - np.linalg.solve(hessian, z.T @ (c * (q - r)) + L2 * u)
    return u


def predictions(kind, model, columns):
    age, city, action, position, reward, count = columns
    z, group = features(kind, age, city, position, action)
    out = np.zeros((ROWS, ACTIONS))
    fold = np.arange(ROWS) % FOLDS
    for k in range(FOLDS):
        fit = fold != k
        n, total = count[fit].sum(), (count * reward)[fit].sum()
        base = total / n if model == "ridge" else np.log((total + .5) / (n - total + .5))
        for a in range(ACTIONS):
            za, ga = features(kind, age, city, position, np.full(ROWS, a))
            for i in np.flatnonzero(~fit):
                of = fit & (group == ga[i])
                if model == "ridge":
                    out[i, a] = base + za[i] @ ridge(z[of], reward[of] - base, count[of])
                else:
                    u = logistic(z[of], reward[of], count[of], base)
                    out[i, a] = 1 / (1 + np.exp(-base - za[i] @ u))
    return out.ravel().tolist()


def main():
    columns = log()
    names = ["age", "city", "action", "position", "reward", "multiplicity"]
    golden = {"folds": FOLDS, "l2": L2, "columns": {n: c.tolist() for n, c in zip(names, columns)},
              "predictions": {f"{model} {kind}": predictions(kind, model, columns)
                              for model in ["ridge", "logistic"]
                              for kind in ["cells", "per_action", "shared"]}}
    golden["columns"]["city"] = [CITIES[c] for c in columns[1]]
    path = pathlib.Path(__file__).with_name("reward_models.json")
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
