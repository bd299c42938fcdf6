"""Drives the real binary on the emoji world: commands_test.py LOOPLINE SOURCE_DIR."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
CONFIG = SOURCE / "configs/emoji/loop.yaml"
# Small enough for a test: one prompt's images in a grid, few images an iteration.
SMALL = ["threads=1", "rollout.images=16", "rollout.micro_batch=16", "samples.prompts=1",
         "samples.every=2", "checkpoint.every=1", "evaluation.max_prompts=2",
         "evaluation.images_per_prompt=2"]


def sets(*assignments):
    return [word for assignment in (*SMALL, *assignments) for word in ("--set", assignment)]


def call(*arguments, cwd=None, expect=0):
    """Runs the binary; returns (standard output, standard error)."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout, result.stderr


def metrics(run):
    """The lines of metrics.jsonl without times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if not key.startswith("time/")}
            for line in lines]


class Commands(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def test_every_command_has_help_with_examples(self):
        out, _ = call("--help")
        for command in ["train", "resume", "evaluate", "sample", "inspect", "doctor"]:
            self.assertIn(command, out)
            self.assertIn("Examples:", call(command, "--help")[0])

    def test_version_and_doctor_name_versions(self):
        self.assertRegex(call("--version")[0], r"loopline \d+\.\d+\.\d+ \(LibTorch 2\.\d+")
        self.assertIn("LibTorch", call("doctor")[0])

    def test_wrong_use_is_one_line_and_exit_2(self):
        for arguments in (["trian"], ["train"], ["train", "nowhere.yaml"], ["train", CONFIG, "--sett", "a=b"],
                          ["train", CONFIG, "--set", "optimizer.lrr=1"],
                          ["train", CONFIG, "--set", "sampler.eta=0"],
                          ["train", CONFIG, "--set", "rollout.group_size=1"],
                          ["resume", "nowhere"], ["evaluate", "nowhere"], ["inspect", "nowhere"],
                          ["sample", SOURCE / "models/emoji", "--prompt", "a red sircle", "--out", "x.png"]):
            out, err = call(*arguments, cwd=self.directory, expect=2)
            self.assertEqual(len(err.strip().splitlines()), 1, (arguments, err))
            self.assertEqual(out, "")
        self.assertEqual(list(self.directory.iterdir()), [], "nothing is half written")

    def test_train_evaluate_sample_inspect(self):
        run = self.directory / "run"
        out, err = call("train", CONFIG, "--run", run, *sets("iterations=2"))
        self.assertIn("Finished after 2 iterations", out)
        self.assertIn("reward", err)
        self.assertEqual(len(metrics(run)), 2)
        self.assertEqual(metrics(run)[0]["policy/ratio_deviation"], 0)
        self.assertTrue((run / "samples/iteration_000002.png").exists())

        _, err = call("train", CONFIG, "--run", run, *sets("iterations=2"), expect=2)
        self.assertIn("already holds a run", err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)

        result = json.loads(call("evaluate", run, "--json")[0])
        self.assertEqual(set(result["splits"]), set(result["base"]))
        for metrics_of_split in (*result["splits"].values(), *result["base"].values()):
            for name in ["oracle_joint", "reward", "swap_rate", "diversity"]:
                self.assertLessEqual(metrics_of_split[name]["low"], metrics_of_split[name]["high"])

        png = self.directory / "picture.png"
        call("sample", run, "--prompt", "a red circle and a blue heart", "--count", "2", "--out", png)
        self.assertEqual(png.read_bytes()[:4], b"\x89PNG")
        _, err = call("sample", run, "--prompt", "a red circle and a blue heart", "--out", png, expect=2)
        self.assertIn("--force", err)

        for path, word in [(SOURCE / "models/emoji", "attn2"), (run, "loop"),
                           (run / "checkpoints/00000002", "iteration"),
                           (run / "checkpoints/00000002/trainable.safetensors", "attn2"),
                           (SOURCE / "models/emoji/rewards/oracle", "oracle_joint")]:
            self.assertIn(word, call("inspect", path, "--all")[0])

    def test_resume_after_a_signal_equals_the_straight_run(self):
        straight, cut = self.directory / "straight", self.directory / "cut"
        call("train", CONFIG, "--run", straight, *sets("iterations=4"))
        for signum, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            shutil.rmtree(cut, ignore_errors=True)
            process = subprocess.Popen([BINARY, "train", CONFIG, "--run", cut, *sets("iterations=4")],
                                       stderr=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            # The stop comes while the run works, after its first finished iteration.
            deadline = time.monotonic() + 300
            while not ((cut / "metrics.jsonl").exists() and (cut / "metrics.jsonl").read_text()):
                self.assertLess(time.monotonic(), deadline)
                self.assertIsNone(process.poll())
                time.sleep(0.01)
            process.send_signal(signum)
            out, _ = process.communicate()
            self.assertEqual(process.returncode, code, out)
            self.assertIn("loopline resume", out)
            self.assertLess(len(metrics(cut)), 4)
            call("resume", cut)
            self.assertEqual(metrics(straight), metrics(cut))
            for file in ["trainable.safetensors", "optimizer.safetensors"]:
                self.assertEqual((straight / "checkpoints/00000004" / file).read_bytes(),
                                 (cut / "checkpoints/00000004" / file).read_bytes())

    def test_every_shipped_config_trains(self):
        for config in sorted((SOURCE / "configs/emoji").glob("*.yaml")):
            if config.name.startswith("base"):
                continue
            run = self.directory / config.stem
            call("train", config, "--run", run, *sets("iterations=1", "samples.every=0"))
            self.assertEqual(len(metrics(run)), 1)
            resolved = (run / "config.yaml").read_text()
            self.assertIn(f"algorithm: {config.stem}", resolved)
            self.assertIn("#", resolved, "the resolved config explains its options")


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    unittest.main(argv=[sys.argv[0]], verbosity=2)
