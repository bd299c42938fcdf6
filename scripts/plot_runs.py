#!/usr/bin/env python3
"""Draws metrics of runs as curves over images, one panel a metric: the mean over the runs of a group,
with a band from the lowest to the highest. Needs nothing but Python.

    scripts/plot_runs.py --out kl.svg --metric reward/mean --metric kl/nats \\
        "no KL=runs/loop_*" "weight 0.1=runs/kl_*"
"""

import argparse
import glob
import json
import math
from pathlib import Path

WIDTH, HEIGHT, MARGIN, GAP = 300, 200, 46, 30
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")  # Okabe and Ito


def read_curve(run, metric, window):
    """(images, value) of a run's iterations, each value the mean of `window` neighbours."""
    lines = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    points = [(line["images/total"], line[metric]) for line in lines
              if line.get(metric) is not None]
    smooth = []
    for i in range(len(points) - window + 1):
        part = points[i:i + window]
        smooth.append((part[-1][0], sum(value for _, value in part) / window))
    return smooth


def group_curves(patterns, metric, window):
    """[(label, [(images, mean, low, high)])] over the runs of each "label=glob"; as far as all of a
    group's runs go."""
    groups = []
    for pattern in patterns:
        label, _, runs = pattern.partition("=")
        found = sorted(glob.glob(runs))
        if not found:
            raise SystemExit(f"plot_runs: no run matches {runs!r}; give \"label=glob\"")
        curves = [read_curve(run, metric, window) for run in found]
        rows = []
        for points in zip(*curves):
            values = [value for _, value in points]
            rows.append((points[0][0], sum(values) / len(values), min(values), max(values)))
        groups.append((f"{label} ({len(found)})", rows))
    return groups


def ticks(low, high, count=4):
    """Round numbers across a range."""
    raw = (high - low) / count or 1
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]


def panel(metric, groups, left):
    """SVG of one metric, its box beginning at x = `left`."""
    rows = [row for _, group in groups for row in group]
    if not rows:
        raise SystemExit(f"plot_runs: no run has {metric}")
    x_low, x_high = min(r[0] for r in rows), max(r[0] for r in rows)
    y_low, y_high = min(r[2] for r in rows), max(r[3] for r in rows)
    pad = (y_high - y_low) * 0.05 or 1
    y_low, y_high = y_low - pad, y_high + pad

    def x(value):
        return left + (value - x_low) / max(x_high - x_low, 1) * WIDTH

    def y(value):
        return MARGIN + (y_high - value) / (y_high - y_low) * HEIGHT

    out = [f'<rect x="{left}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}" class="box"/>',
           f'<text x="{left}" y="{MARGIN - 8}" class="title">{metric}</text>']
    for value in ticks(y_low, y_high):
        out.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
                   f' class="grid"/><text x="{left - 5}" y="{y(value) + 4:.1f}"'
                   f' text-anchor="end">{value:g}</text>')
    for value in ticks(x_low, x_high):
        out.append(f'<text x="{x(value):.1f}" y="{MARGIN + HEIGHT + 15}"'
                   f' text-anchor="middle">{value:,.0f}</text>')
    for colour, (_, group) in zip(COLOURS, groups):
        band = [(r[0], r[3]) for r in group] + [(r[0], r[2]) for r in reversed(group)]
        area = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in band)
        line = " ".join(f"{x(r[0]):.1f},{y(r[1]):.1f}" for r in group)
        out.append(f'<polygon points="{area}" fill="{colour}" opacity="0.18"/>'
                   f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "\n".join(out)


def draw(metrics, patterns, window):
    """The whole picture."""
    if len(patterns) > len(COLOURS):
        raise SystemExit(f"plot_runs: at most {len(COLOURS)} groups")
    panels, legend = [], []
    for i, metric in enumerate(metrics):
        groups = group_curves(patterns, metric, window)
        panels.append(panel(metric, groups, MARGIN + 10 + i * (WIDTH + MARGIN + GAP)))
        legend = [label for label, _ in groups]
    for i, (colour, label) in enumerate(zip(COLOURS, legend)):
        at = MARGIN + 10 + i * 190
        panels.append(f'<rect x="{at}" y="{MARGIN + HEIGHT + 34}" width="14" height="4"'
                      f' fill="{colour}"/><text x="{at + 20}" y="{MARGIN + HEIGHT + 40}">'
                      f'{label}</text>')
    width = MARGIN + 10 + len(metrics) * (WIDTH + MARGIN + GAP)
    width = max(width, MARGIN + 10 + len(legend) * 190)
    height = MARGIN + HEIGHT + 52
    style = ("text{font:12px sans-serif;fill:#222}.title{font-weight:bold}"
             ".box{fill:none;stroke:#888}.grid{stroke:#ddd}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}"><style>{style}</style>'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(panels) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", metavar="LABEL=GLOB", help="run directories")
    parser.add_argument("--metric", action="append", required=True, help="key of metrics.jsonl")
    parser.add_argument("--window", type=int, default=3, help="iterations averaged (default 3)")
    parser.add_argument("--out", type=Path, required=True, help="SVG to write")
    arguments = parser.parse_args()
    arguments.out.write_text(draw(arguments.metric, arguments.groups, arguments.window))


if __name__ == "__main__":
    main()
