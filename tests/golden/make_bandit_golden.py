"""Writes bandit_estimators.json: off-policy estimates by NumPy, for tests/bandit.

Every estimator is written out from its textbook formula on whole columns, without moments or
blocks. Standard errors are those of influence values; between clusters, of their sums.

Needs numpy: python3 tests/golden/make_bandit_golden.py
"""

import json
import pathlib

import numpy as np

ROWS = 24
FOLDS = 5
PARAMETERS = {"clipped_ips": 1.5, "switch_dr": 1.5, "shrinkage_dr": 2.5, "sub_gaussian_ips": 0.3}
GIVEN_BASELINE = 0.4


def value_optimal(w, r):
    return np.cov(w * r, w)[0, 1] / np.var(w, ddof=1)


def cross_fitted(w, r, fold):
    influence = np.empty_like(w)
    for k in range(FOLDS):
        b = value_optimal(w[fold != k], r[fold != k])
        influence[fold == k] = b + w[fold == k] * (r[fold == k] - b)
    return influence


def influences(w, r, q, v, fold):
    """For each estimator the values whose mean is the estimate and whose spread is its error."""
    residual = w * (r - q)
    snips = (w * r).sum() / w.sum()
    sndr = residual.sum() / w.sum()
    b = value_optimal(w, r)
    m = PARAMETERS
    return {
        "dm": v,
        "ips": w * r,
        "clipped_ips": np.minimum(w, m["clipped_ips"]) * r,
        "snips": snips + w * (r - snips) / w.mean(),
        "dr": residual + v,
        "sndr": v + sndr + (residual - sndr * w) / w.mean(),
        "switch_dr": np.where(w <= m["switch_dr"], w, 0) * (r - q) + v,
        "shrinkage_dr": m["shrinkage_dr"] * w / (w**2 + m["shrinkage_dr"]) * (r - q) + v,
        "sub_gaussian_ips": w / (1 - m["sub_gaussian_ips"] + m["sub_gaussian_ips"] * w) * r,
        "beta_ips": b + w * (r - b),
        "beta_ips_given": GIVEN_BASELINE + w * (r - GIVEN_BASELINE),
        "beta_ips_cross_fitted": cross_fitted(w, r, fold),
    }


def error_between_rows(values):
    return values.std(ddof=1) / np.sqrt(len(values))


def error_between_clusters(values, cluster):
    excess = values - values.mean()
    sums = np.array([excess[cluster == c].sum() for c in np.unique(cluster)])
    c = len(sums)
    return np.sqrt(c / (c - 1) * (sums**2).sum()) / len(values)


def summary(columns, cluster):
    return {
        name: {
            "value": values.mean(),
            "error": error_between_rows(values),
            "error_between_clusters": error_between_clusters(values, cluster),
        }
        for name, values in influences(**columns).items()
    }


def main():
    rng = np.random.default_rng(7)
    row = np.arange(ROWS)
    columns = {
        "w": np.round(rng.lognormal(-0.5, 1.0, ROWS), 6),
        "r": np.round(rng.normal(0.5, 0.6, ROWS), 6),
        "q": np.round(rng.uniform(0, 1, ROWS), 6),
        "v": np.round(rng.uniform(0, 1, ROWS), 6),
        "fold": row % FOLDS,
    }
    cluster = rng.integers(-3, 4, ROWS)
    multiplicity = rng.integers(1, 4, ROWS)
    repeated = {name: column.repeat(multiplicity) for name, column in columns.items()}
    production = np.round(rng.lognormal(-0.5, 0.7, ROWS), 6)
    d = columns["w"] - production
    b = (d**2 * columns["r"]).sum() / (d**2).sum()
    difference = d * (columns["r"] - b)
    golden = {
        "parameters": PARAMETERS | {"beta_ips_given": GIVEN_BASELINE},
        "columns": {name: column.tolist() for name, column in columns.items() if name != "fold"},
        "production": production.tolist(),
        "cluster": cluster.tolist(),
        "multiplicity": multiplicity.tolist(),
        "once": summary(columns, cluster),
        "repeated": summary(repeated, cluster.repeat(multiplicity)),
        "difference": {
            "value": difference.mean(),
            "baseline": b,
            "error": error_between_rows(difference),
        },
    }
    path = pathlib.Path(__file__).parent / "bandit_estimators.json"
    path.write_text(json.dumps(golden, indent=1) + "\n")


main()
