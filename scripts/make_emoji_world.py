"""Writes the bundle models/emoji: draws the scenes, pre-trains the model, trains the judge,
exports and measures; then the same model with low-rank adapters, models/emoji_lora. See
docs/emoji.md.

    scripts/export_env python scripts/make_emoji_world.py --out models/emoji

Resumable: finished phases and pre-training checkpoints stay in --work; delete it to start anew.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import torch

from bundle_export.directories import empty_beside, replace_directory
from emoji_world import adapted, evaluate, export, grid, manifest, selftest
from emoji_world.glyphs import load_kernels
from emoji_world.judge import Judge, train_judge
from emoji_world.oracle import Oracle
from emoji_world.pretrain import pretrain, save
from emoji_world.prompts import make_splits

ROOT = Path(__file__).resolve().parent.parent
JOINT_RANGE = (0.35, 0.60)


def get_judge(kernels, work):
    """The judge from `work`, trained first if it is not there."""
    path = work / "judge.pt"
    if not path.exists():
        save(path, train_judge(kernels).state_dict())
    judge = Judge()
    judge.load_state_dict(torch.load(path))
    return judge.eval()


def get_base_figures(bundle, work):
    """Base figures of every split from `work`, measured first if they are not there."""
    path = work / "base.json"
    if not path.exists():
        path.write_text(json.dumps(evaluate.evaluate(bundle, make_splits())))
    return json.loads(path.read_text())


def require_room_to_learn(base):
    """The world is of use only if the base is neither hopeless nor good."""
    joint = base["rl"]["oracle_joint"]["mean"]
    if not JOINT_RANGE[0] <= joint <= JOINT_RANGE[1]:
        raise SystemExit(f"base joint accuracy {joint} on rl prompts is outside {JOINT_RANGE}")


def print_size(out, started):
    size = sum(f.stat().st_size for f in out.rglob("*") if f.is_file())
    print(f"{out}: {size / 1e6:.2f} MB, this run {time.monotonic() - started:.0f} s")


def make(out, work):
    """All phases; `out` appears complete or not at all."""
    kernels, started = load_kernels(), time.monotonic()
    judge = get_judge(kernels, work)
    model, trained = pretrain(kernels, work)
    new = empty_beside(out)
    export.export_model(model, new)
    export.export_reward(judge, new / "rewards/judge/model.ts")
    export.export_reward(Oracle(kernels), new / "rewards/oracle/model.ts")
    bundle = evaluate.Bundle(new)
    figures = {"oracle": selftest.check_oracle(bundle.oracle, kernels),
               "judge": selftest.check_judge(bundle.judge, kernels),
               "pretrain": trained,
               "base": get_base_figures(bundle, work)}
    for text in grid.draw_samples(bundle, make_splits()["rl"], new / "samples.png"):
        print("samples.png row:", text)
    require_room_to_learn(figures["base"])
    manifest.write_text_files(new, figures)
    replace_directory(new, out)
    print_size(out, started)


def make_adapted(source, out):
    """The bundle `source` with adapters; `out` appears complete or not at all."""
    started = time.monotonic()
    new = empty_beside(out)
    adapted.write(source, new)
    replace_directory(new, out)
    print_size(out, started)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "models/emoji")
    parser.add_argument("--adapters-only", action="store_true",
                        help="keep --out as it is, and write its _lora bundle from it")
    parser.add_argument("--work", type=Path, default=ROOT / "build/emoji_world",
                        help="checkpoints and finished phases (default: build/emoji_world)")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    # TorchScript is deprecated upstream and is this bundle's format all the same.
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.jit")
    out = arguments.out.resolve()
    if not arguments.adapters_only:
        arguments.work.mkdir(parents=True, exist_ok=True)
        make(out, arguments.work)
    make_adapted(out, out.with_name(out.name + "_lora"))


if __name__ == "__main__":
    main()
