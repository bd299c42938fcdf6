"""Stable Diffusion 1.5 at full size with random weights: what export, sampling and a LoRA update take on
this machine. No weights are needed, 15 GB of disk are.

    scripts/export_env python benchmarks/full_size.py build/release/bin/loopline
    scripts/export_env python benchmarks/full_size.py build/cuda/bin/loopline --device cuda

Seconds and the largest resident memory are of each command's process. On a GPU the peaks of
`train --dry-run` at the sizes of docs/stable_diffusion.md follow."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent
CONFIG = SOURCE / "configs/stable_diffusion/compressibility_loop.yaml"
# The options for a GPU's memory, as docs/stable_diffusion.md has them.
SIZES = {
    "8 GB": ["rollout.micro_batch=2", "rollout.decode_batch=1"],
    "24 GB": [],
    "80 GB": ["rollout.micro_batch=32", "rollout.decode_batch=16", "rollout.trajectories=device"],
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("loopline", type=pathlib.Path)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--pipeline", default="sd1-full", help="of tests/parity/random_pipeline.py (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, help="keeps what is made here; what is there is taken")
    return parser.parse_args()


def measured(what, *command):
    """Runs a command: prints its seconds and peak memory, returns what it printed."""
    start = time.monotonic()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{what}: exit status {process.returncode}\n{printed}")
    print(f"{what:40} {time.monotonic() - start:7.1f} s {usage.ru_maxrss * 1024 / 1e9:6.2f} GB", flush=True)
    return printed


def settings(*lines):
    return [part for line in lines for part in ("--set", line)]


def make(arguments, folder):
    """A pipeline and its bundle, unless they are there."""
    if not (folder / "pipeline/model_index.json").exists():
        measured("random pipeline", sys.executable, SOURCE / "tests/parity/random_pipeline.py",
                 arguments.pipeline, folder / "pipeline")
    if not (folder / "bundle/bundle.json").exists():
        print(measured("export_diffusion.py, rank 4", sys.executable, SOURCE / "scripts/export_diffusion.py",
                       folder / "pipeline", "--out", folder / "bundle"))


def sample_and_update(arguments, folder):
    measured("sample, 1 picture, 2 steps", arguments.loopline, "sample", folder / "bundle", "--prompt",
             "a photo of a cat", "--count", 1, "--steps", 2, "--device", arguments.device, "--force",
             "--out", folder / "sample.png")
    precision = ["precision=fp32", "frozen_precision=fp32"] if arguments.device == "cpu" else []
    run = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="run-"))
    measured("train, 2 pictures, 2 steps, 1 update", arguments.loopline, "train", CONFIG, "--run", run,
             *settings(f"model={folder / 'bundle'}", f"device={arguments.device}", "iterations=1",
                       "rollout.images=2", "rollout.group_size=2", "rollout.micro_batch=1",
                       "rollout.decode_batch=1", "sampler.steps=2", "learner.updates_per_epoch=1",
                       "kl.images=0", "samples.every=0", "learner.recompute=true", *precision))
    metrics = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    for key in ("time/rollout_s", "time/update_s", "policy/ratio_deviation", "optim/grad_norm"):
        print(f"    {key:36} {metrics[key]:9.3g}")
    out = run / "pytorch_lora_weights.safetensors"
    measured("export --format diffusers", arguments.loopline, "export", run, "--format", "diffusers",
             "--out", out)
    print(f"    {out.stat().st_size / 1e6:.1f} MB")


def plan_sizes(arguments, folder):
    """The dry runs of the shipped sizes: on a GPU alone, where memory is counted exactly."""
    for size, lines in SIZES.items():
        plan = json.loads(measured(f"train --dry-run for {size}", arguments.loopline, "train", CONFIG,
                                   "--dry-run", "--json",
                                   *settings(f"model={folder / 'bundle'}", "device=cuda", *lines)))
        seconds, peak = plan["seconds"], plan["bytes"]
        print(f"    peak {peak['total'] / 1e9:.1f} GB; an iteration {seconds['iteration'] / 60:.1f} minutes: "
              f"sampling {seconds['sampling']:.0f} s, update {seconds['update']:.0f} s", flush=True)


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or pathlib.Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        make(arguments, folder)
        sample_and_update(arguments, folder)
        if arguments.device == "cuda":
            plan_sizes(arguments, folder)


if __name__ == "__main__":
    main()
