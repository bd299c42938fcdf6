"""Drives `loopline bandit learn` on logs with a known truth: bandit_learn_test.py LOOPLINE."""

import csv
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY = os.path.abspath(sys.argv[1])
ACTIONS, ROWS = 3, 12000


def call(*arguments, expect=0):
    """Runs the binary; returns (standard output, standard error)."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout, result.stderr


def chance(age, action):
    """Action 2 is for the old, 0 for the young, 1 never the best."""
    return [0.8 - 0.01 * (age - 18), 0.35, 0.2 + 0.01 * (age - 18)][action]


def write_log(path, seed, learnable=True):
    draw = random.Random(seed)
    logging = [0.5, 0.3, 0.2]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["action", "reward", "propensity", "age", "city", "user"])
        for i in range(ROWS):
            age, city = draw.uniform(18, 80), draw.choice(["Rome", "Oslo"])
            action = draw.choices(range(ACTIONS), logging)[0]
            p = chance(age, action) if learnable else 0.4
            out.writerow([action, int(draw.random() < p), logging[action], age, city, i // 3])


CONFIG = """
log:
  files: [log.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
  context: [age, city]
optimizer: {lr: 0.05, batch: 512}
epochs: 12
threads: 1
"""
ESTIMATE = """
log:
  files: [other.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
  context: [age, city]
policy: {kind: softmax, file: run/policy.safetensors}
interval: {level: 0.999}
"""


def metrics(run):
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        del line["time/epoch_s"]
    return lines


class Learn(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.config = self.directory / "learn.yaml"
        self.config.write_text(CONFIG)
        self.run_directory = self.directory / "run"
        write_log(self.directory / "log.csv", 5)

    def learn(self, *sets, run="run"):
        words = [word for assignment in sets for word in ("--set", assignment)]
        out, _ = call("bandit", "learn", self.config, "--run", self.directory / run, "--json",
                      *words)
        return json.loads(out)

    def test_help_has_examples(self):
        self.assertIn("learn", call("bandit", "--help")[0])
        self.assertIn("Examples:", call("bandit", "learn", "--help")[0])

    def test_a_learned_policy_is_better_and_another_log_agrees(self):
        best = sum(max(chance(18 + i * 0.062, a) for a in range(ACTIONS)) for i in range(1000)) / 1000
        write_log(self.directory / "other.csv", 6)
        estimate = self.directory / "estimate.yaml"
        estimate.write_text(ESTIMATE)
        for number, sets in enumerate([[], ["policy.hidden=[8]", "objective.baseline=previous"],
                                       ["objective.kind=dr", "model.kind=ridge"],
                                       ["log.cluster=user", "objective.kind=snips"]]):
            shutil.rmtree(self.run_directory, ignore_errors=True)
            result = self.learn(*sets)
            rows = {row["name"]: row for row in result["estimates"]}
            self.assertEqual(result["verdict"], "better than uniform", (sets, result))
            self.assertGreater(rows["learned"]["value"], best - 0.06, (sets, result))
            self.assertGreater(rows["learned - uniform"]["low"], 0.05)
            self.assertGreater(rows["learned - logging"]["low"], 0)
            units = result["diagnostics"]["units"]
            self.assertGreater(units, (ROWS / 3 if number == 3 else ROWS) * 0.13)
            self.assertLess(units, (ROWS / 3 if number == 3 else ROWS) * 0.17)
            other = json.loads(call("bandit", "estimate", estimate, "--json")[0])
            self.assertEqual(other["verdict"], "usable", other["reasons"])
            beta = other["estimates"][2]
            self.assertLess(beta["low"], rows["learned"]["high"], (sets, beta, rows))
            self.assertGreater(beta["high"], rows["learned"]["low"])
            self.assertGreater(beta["value"], best - 0.06)
        same = json.loads(call("bandit", "estimate", estimate, "--json", "--set",
                               f"log.files={self.directory / 'log.csv'}")[0])
        self.assertEqual(same["verdict"], "doubtful")  # it was trained on this one

    def test_two_loggers_are_balanced(self):
        draw = random.Random(9)
        loggers = {"a": [0.9, 0.06, 0.04], "b": [0.05, 0.05, 0.9]}
        with (self.directory / "log.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["action", "reward", "age", "city", "by", "own", "p_a", "p_b"])
            for i in range(ROWS):
                age, by = draw.uniform(18, 80), "ab"[i % 2]
                action = draw.choices(range(ACTIONS), loggers[by])[0]
                out.writerow([action, int(draw.random() < chance(age, action)), age, "Rome", by,
                              *(loggers[name][action] for name in (by, "a", "b"))])
        balanced = self.learn("log.propensity=null", "log.logger=by", "log.logger_propensity=p_*",
                              run="balanced")
        naive = self.learn("log.propensity=own", run="naive")
        width = {}
        for name, result in (("balanced", balanced), ("naive", naive)):
            d = result["diagnostics"]
            self.assertLess(abs(d["mean_weight"] - 1), 5 * d["mean_weight_error"], result)
            uniform = {row["name"]: row for row in result["estimates"]}["uniform"]
            width[name] = uniform["high"] - uniform["low"]
        self.assertEqual(balanced["verdict"], "better than uniform")
        # The second moments of the uniform policy's weights are 2.49 and 4.66.
        self.assertLess(width["balanced"], 0.85 * width["naive"])

    def test_noise_teaches_nothing(self):
        write_log(self.directory / "log.csv", 8, learnable=False)
        result = self.learn()
        self.assertEqual(result["verdict"], "nothing learnable here")
        gain = {row["name"]: row for row in result["estimates"]}["learned - uniform"]
        self.assertLess(gain["low"], 0)
        self.assertGreater(gain["high"], 0)
        out, _ = call("bandit", "learn", self.config, "--run", self.directory / "people")
        self.assertIn("nothing learnable here", out)
        # Early stop: the first epochs are as good as any.
        self.assertLess(result["diagnostics"]["best_epoch"], 13)

    def test_patience_ends_a_run(self):
        result = self.learn("patience=2", "epochs=500", "optimizer.lr=0.3")
        d = result["diagnostics"]
        self.assertEqual(d["epochs"], d["best_epoch"] + 2)
        self.assertLess(d["epochs"], 500)
        values = [line["heldout/value"] for line in metrics(self.run_directory)]
        self.assertEqual(max(range(len(values)), key=values.__getitem__) + 1, d["best_epoch"])

    def test_resume_equals_straight(self):
        self.learn("checkpoint_every=5", run="straight")
        self.learn("checkpoint_every=5", "epochs=7")
        call("resume", self.run_directory, "--set", "epochs=12")
        straight = self.directory / "straight"
        self.assertEqual(metrics(self.run_directory), metrics(straight))
        self.assertEqual((self.run_directory / "policy.safetensors").read_bytes(),
                         (straight / "policy.safetensors").read_bytes())
        message = call("resume", self.run_directory, "--set", "optimizer.lr=1", expect=2)[1]
        self.assertIn("another run", message)
        write_log(self.directory / "log.csv", 9)
        self.assertIn("has changed", call("resume", self.run_directory, expect=2)[1])

    def test_a_signal_leaves_a_run_that_goes_on(self):
        words = ["--set", "epochs=100000", "--set", "patience=0"]
        process = subprocess.Popen(
            [BINARY, "bandit", "learn", self.config, "--run", self.run_directory, *words],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        log = self.run_directory / "metrics.jsonl"
        while process.poll() is None and not (log.exists() and log.stat().st_size > 0):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
        self.assertEqual(process.returncode, 143)
        self.assertIn("loopline resume", out)
        done = len(metrics(self.run_directory))
        call("resume", self.run_directory, "--set", f"epochs={done + 3}")
        lines = metrics(self.run_directory)
        self.assertEqual([line["iteration"] for line in lines], list(range(1, done + 4)))
        self.learn(f"epochs={done + 3}", "patience=0", run="straight")
        self.assertEqual(lines, metrics(self.directory / "straight"))

    def test_wrong_use_is_one_line_and_leaves_nothing(self):
        for sets, message in [(["objective.kind=dr"], "needs a model"),
                              (["objective.kind=banditnet"], "objective.lambda"),
                              (["objective.lambda=1"], "banditnet alone"),
                              (["model.kind=ridge"], "dr alone"),
                              (["objective.kind=ips", "objective.baseline=batch"], "beta_ips alone"),
                              (["log.context=[]"], "log.context"),
                              (["policy.hidden=[0]"], "policy.hidden"),
                              (["objective.kind=bips"], "beta_ips"),
                              (["log.files=none.csv"], "no such file")]:
            words = [word for assignment in sets for word in ("--set", assignment)]
            out, err = call("bandit", "learn", self.config, "--run", self.run_directory, *words,
                            expect=2)
            self.assertEqual((out, len(err.strip().splitlines())), ("", 1), (sets, err))
            self.assertIn(message, err)
            self.assertFalse(self.run_directory.exists(), sets)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
