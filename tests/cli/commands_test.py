"""Drives the real binary on the emoji world: commands_test.py LOOPLINE SOURCE_DIR."""

import json
import os
import pathlib
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
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
        for command in ["train", "resume", "compare", "report", "evaluate", "sample", "show", "score", "export", "inspect",
                        "bandit", "doctor"]:
            self.assertIn(command, out)
            self.assertIn("Examples:", call(command, "--help")[0])

    def test_version_and_doctor_name_versions(self):
        self.assertRegex(call("--version")[0], r"loopline \d+\.\d+\.\d+ \(LibTorch 2\.\d+")
        self.assertIn("LibTorch", call("doctor")[0])
        self.assertIn("passively", call("doctor")[0], "spinning threads starve on a busy machine")

    def test_wrong_use_is_one_line_and_exit_2(self):
        for arguments in (["trian"], ["train"], ["train", "nowhere.yaml"], ["train", CONFIG, "--sett", "a=b"],
                          ["train", CONFIG, "--set", "optimizer.lrr=1"],
                          ["train", CONFIG, "--set", "sampler.eta=0"],
                          ["train", CONFIG, "--set", "rollout.group_size=1"],
                          ["resume", "nowhere"], ["evaluate", "nowhere"], ["inspect", "nowhere"],
                          ["sample", SOURCE / "models/emoji", "--prompt", "a red sircle", "--out", "x.png"],
                          ["score", "absent.png", "--reward", "brightness"],
                          ["score", SOURCE / "models/emoji/samples.png", "--reward", "brigthness"]):
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

    def test_adapters_with_average_distance_and_watch(self):
        run, config = self.directory / "run", SOURCE / "configs/emoji/lora.yaml"
        out, err = call("train", config, "--run", run,
                        *sets("iterations=3", "ema.decay=0.9", "kl.loss=0.1", "window.size=4",
                              "window.stride=2", "learner.recompute=true", "watch.window=1",
                              "watch.max_image_shift=0.0001", "watch.action=stop"))
        self.assertIn("the network with its adapters off", err)
        self.assertIn("Finished after 2 iterations", out)
        self.assertIn("ended by the watch: pictures no longer look like the first iteration's", out)
        self.assertIn("--set watch.action=warn", out)
        self.assertIn("kl", out)
        first, second = metrics(run)
        self.assertEqual((first["kl/nats"], first["watch/gap"]), (0, 0))
        self.assertNotEqual(second["kl/nats"], 0)
        trained = json.loads(call("inspect", run / "checkpoints/00000002/trainable.safetensors",
                                  "--json")[0])
        self.assertEqual(len(trained["tensors"]), 32, "the adapters alone")
        self.assertIn("Finished after 3", call("resume", run, "--set", "watch.action=warn")[0])

        prompt = ["--prompt", "a red circle and a blue heart", "--count", "1", "--steps", "2"]
        pictures = []
        for name, *which in [("last",), ("average", "--ema"), ("base", "--base")]:
            call("sample", run, *prompt, *which, "--out", self.directory / f"{name}.png")
            pictures.append((self.directory / f"{name}.png").read_bytes())
        self.assertEqual(len(set(pictures)), 3)
        call("export", run, "--ema", "--out", self.directory / "model")
        call("sample", self.directory / "model", *prompt, "--out", self.directory / "exported.png")
        self.assertEqual((self.directory / "exported.png").read_bytes(), pictures[1])
        provenance = json.loads((self.directory / "model/bundle.json").read_text())["provenance"]
        self.assertTrue(provenance["trained"]["moving_average"])
        average = json.loads(call("evaluate", run, "--ema", "--json")[0])["splits"]
        self.assertNotEqual(average, json.loads(call("evaluate", run, "--json")[0])["splits"])

        for arguments, message in [(["sample", run, "--base", "--ema"], "--ema"),
                                   (["sample", SOURCE / "models/emoji", "--ema"], "only runs have"),
                                   (["train", config, "--set", "watch.judge=oracle_join"],
                                    "did you mean oracle_joint?"),
                                   (["train", CONFIG, *sets("learner.recompute=true", "iterations=1")],
                                    "learner.recompute"),
                                   (["train", config, *sets("window.size=10", "iterations=1")],
                                    "9 steps")]:
            _, err = call(*arguments, cwd=self.directory, expect=2)
            self.assertIn(message, err)
            self.assertEqual(len(err.strip().splitlines()), 1, err)

    def test_score_of_image_files(self):
        prompt = "a red circle and a blue heart"
        for name in ["a.png", "b.png"]:
            call("sample", SOURCE / "models/emoji", "--prompt", prompt, "--count", "1", "--zoom", "1",
                 "--steps", "2", "--out", self.directory / name)
        judge = SOURCE / "models/emoji/rewards/judge"
        arguments = ["score", self.directory, "--reward", judge, "--reward", "0.1 * brightness",
                     "--prompt", prompt]
        result = json.loads(call(*arguments, "--json")[0])
        files = [pathlib.Path(image["file"]).name for image in result["images"]]
        self.assertEqual(files, ["a.png", "b.png"])
        for image in result["images"]:
            components = image["components"]
            self.assertAlmostEqual(image["total"], components["emoji-judge/reward"]
                                   + 0.1 * components["brightness"], places=6)
        lines = call(*arguments)[0].splitlines()
        self.assertEqual([line.split()[0].rpartition("/")[2] for line in lines],
                         ["file", "a.png", "b.png", "mean"])
        self.assertIn("--prompt", call(*arguments[:-2], expect=2)[1])

    def test_resume_after_a_signal_equals_the_straight_run(self):
        straight, cut = self.directory / "straight", self.directory / "cut"
        # The evaluation follows the first iteration: the stop is likely to come while it works.
        options = sets("iterations=4", "evaluation.every=1", "evaluation.prompts="
                       + str(SOURCE / "models/emoji/prompts/rl.txt"))
        call("train", CONFIG, "--run", straight, *options)
        for signum, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            shutil.rmtree(cut, ignore_errors=True)
            process = subprocess.Popen([BINARY, "train", CONFIG, "--run", cut, *options],
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
            for log in ["samples.jsonl", "evaluations.jsonl"]:
                self.assertEqual((straight / log).read_text(), (cut / log).read_text())
            for file in ["trainable.safetensors", "optimizer.safetensors"]:
                self.assertEqual((straight / "checkpoints/00000004" / file).read_bytes(),
                                 (cut / "checkpoints/00000004" / file).read_bytes())

    def test_a_dry_run_plans_and_writes_nothing(self):
        out, _ = call("train", CONFIG, "--dry-run", *sets(), cwd=self.directory)
        self.assertIn("4 groups of 4, 10 steps", out)
        self.assertRegex(out, r"memory +\d")
        plan = json.loads(call("train", CONFIG, "--dry-run", "--json", *sets(), cwd=self.directory)[0])
        self.assertEqual(plan["iteration"]["pairs"], 16 * 9)
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_out_of_memory_is_one_line_that_says_what_to_lower(self):
        limit = 900 << 20  # bytes of address space, which 16 rows fit into

        def dry_run(rows):
            command = [BINARY, "train", CONFIG, "--dry-run",
                       *sets(f"rollout.images={rows}", f"rollout.micro_batch={rows}")]
            return subprocess.run(command, capture_output=True, text=True, cwd=self.directory,
                                  preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        self.assertEqual(dry_run(16).returncode, 0)
        failed = dry_run(1024)
        self.assertEqual(failed.returncode, 1)
        self.assertIn("out of memory; lower rollout.micro_batch", failed.stderr)
        self.assertEqual(len(failed.stderr.strip().splitlines()), 1, failed.stderr)

    def test_one_prompt_is_overfitted_and_its_samples_are_shown(self):
        run = self.directory / "run"
        out, _ = call("train", CONFIG, "--overfit-one-prompt", "--run", run,
                      *sets("iterations=2", "sample_log.pictures=true"))
        self.assertIn("Sanity check", out)
        out, _ = call("show", run, "--worst", "3", "--grid", self.directory / "worst.png")
        self.assertEqual(len(out.splitlines()), 4, out)
        self.assertEqual((self.directory / "worst.png").read_bytes()[:4], b"\x89PNG")
        lines = [json.loads(line) for line in
                 call("show", run, "--best", "32", "--all", "--json", "--by", "judge/oracle_joint")[0].splitlines()]
        self.assertEqual(len(lines), 32)
        self.assertEqual(len({line["prompt"] for line in lines}), 1)
        self.assertIn("oracle_joint", call("show", run, "--by", "judge/oracle_jont", expect=2)[1])

    def test_a_run_starts_from_another_and_evaluates_while_it_trains(self):
        first, second = self.directory / "first", self.directory / "second"
        call("train", CONFIG, "--run", first, *sets("iterations=1"))
        call("train", CONFIG, "--run", second,
             *sets("iterations=1", f"init_from={first}", "evaluation.every=1", "evaluation.eta=0",
                   "evaluation.prompts=" + str(SOURCE / "models/emoji/prompts/rl.txt")))
        self.assertTrue((second / "init.safetensors").exists())
        lines = [json.loads(line) for line in (second / "evaluations.jsonl").read_text().splitlines()]
        self.assertEqual([line["iteration"] for line in lines], [0, 1])
        self.assertIn("eval/rl/oracle_joint_low", lines[0])
        # The command and the training agree on what the weights are worth.
        result = json.loads(call("evaluate", second, "--json")[0])
        self.assertAlmostEqual(result["splits"]["rl"]["reward"]["mean"], lines[1]["eval/rl/reward"], 9)
        self.assertAlmostEqual(result["base"]["rl"]["reward"]["mean"], lines[0]["eval/rl/reward"], 9)

    def test_bf16_trains_with_frozen_weights_in_bf16(self):
        run = self.directory / "run"
        call("train", CONFIG, "--run", run,
             *sets("iterations=1", "precision=bf16", "frozen_precision=bf16", "samples.every=0"))
        self.assertEqual(metrics(run)[0]["policy/ratio_deviation"], 0)

    def test_an_exported_bundle_draws_what_the_run_draws(self):
        run, bundle = self.directory / "run", self.directory / "bundle"
        call("train", CONFIG, "--run", run, *sets("iterations=1"))
        for form, path in [("bundle", bundle), ("torchscript", self.directory / "denoiser.ts"),
                           ("safetensors", self.directory / "weights.safetensors")]:
            call("export", run, "--format", form, "--out", path)
            self.assertIn("attn2", call("inspect", path, "--all")[0])
            self.assertIn("--force", call("export", run, "--format", form, "--out", path, expect=2)[1])
        pictures = []
        for target in (run, bundle):
            png = self.directory / f"{target.name}.png"
            call("sample", target, "--prompt", "a red circle and a blue heart", "--count", "2",
                 "--threads", "1", "--out", png)
            pictures.append(png.read_bytes())
        self.assertEqual(*pictures)
        # Two pictures of 32 x 16 side by side: small ones are magnified, here 8 times.
        self.assertEqual(struct.unpack(">II", pictures[0][16:24]), (2 * 32 * 8 + 2, 16 * 8))

    def test_every_shipped_config_trains(self):
        for config in sorted((SOURCE / "configs/emoji").glob("*.yaml")):
            if config.name.startswith("base"):
                continue
            if config.name in ("compare.yaml", "study.yaml"):  # of `loopline compare`
                self.assertIn("runs finished", call("compare", config, "--dry-run", "--run",
                                                    self.directory / config.stem)[0])
                continue
            run = self.directory / config.stem
            call("train", config, "--run", run, *sets("iterations=1", "samples.every=0"))
            self.assertEqual(len(metrics(run)), 1)
            resolved = (run / "config.yaml").read_text()
            algorithm = {"lora": "loop", "full": "loop"}.get(config.stem, config.stem)
            self.assertIn(f"algorithm: {algorithm}", resolved)
            self.assertIn("#", resolved, "the resolved config explains its options")


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    unittest.main(argv=[sys.argv[0]], verbosity=2)
