"""Drives `loopline bandit propensity` on logs whose logging policy is known:
bandit_propensity_test.py LOOPLINE."""

import csv
import json
import math
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

BINARY = os.path.abspath(sys.argv[1])
ROWS = 12000
CONFIG = """
log:
  files: [log.csv]
  action: action
  reward: {column: reward}
  context: [age, city]
"""


def logging_policy(age, city):
    score = [0.0, (age - 40) / 20, 0.8 if city == "Rome" else -0.8]
    exponentials = [math.exp(s) for s in score]
    return [e / sum(exponentials) for e in exponentials]


def chance(age, action):
    return [0.3, 0.9 - age / 100, age / 100][action]


def write_log(path):
    """Returns the propensities, which the log does not have."""
    draw, propensities = random.Random(17), []
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["action", "reward", "age", "city"])
        for _ in range(ROWS):
            age, city = draw.uniform(18, 80), draw.choice(["Rome", "Oslo"])
            p = logging_policy(age, city)
            action = draw.choices(range(3), p)[0]
            propensities.append(p[action])
            out.writerow([action, int(draw.random() < chance(age, action)), age, city])
    return propensities


def columns_of(path):
    """A safetensors file of 64-bit columns, read as its specification says."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    columns = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        kind = {"F64": "d", "I64": "q"}[entry["dtype"]]
        columns[name] = struct.unpack(f"<{(end - begin) // 8}{kind}", data[begin:end])
    return columns, metadata


class Propensity(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        (self.directory / "propensity.yaml").write_text(CONFIG)

    def call(self, *arguments, expect=0):
        result = subprocess.run([BINARY, "bandit", *map(str, arguments)], capture_output=True,
                                text=True, cwd=self.directory)
        self.assertEqual(result.returncode, expect, (arguments, result.stdout, result.stderr))
        return result.stdout, result.stderr

    def test_estimated_propensities_are_near_the_true_ones(self):
        truth = write_log(self.directory / "log.csv")
        result = json.loads(self.call("propensity", "propensity.yaml", "--json")[0])
        out = self.directory / "log.propensities.safetensors"
        self.assertEqual(result["out"], out.name)
        columns, metadata = columns_of(out)
        about = json.loads(metadata["estimated_propensities"])
        self.assertEqual(about["model"]["kind"], "softmax")
        self.assertEqual(len(columns["propensity"]), ROWS)
        errors = [abs(p / q - 1) for p, q in zip(columns["propensity"], truth)]
        self.assertLess(sum(errors) / ROWS, 0.03)
        rows = list(csv.DictReader((self.directory / "log.csv").read_text().splitlines()))
        self.assertEqual(list(columns["action"]), [int(row["action"]) for row in rows])
        self.assertEqual(list(columns["reward"]), [float(row["reward"]) for row in rows])
        loss = -sum(map(math.log, columns["propensity"])) / ROWS
        self.assertAlmostEqual(result["held_out"]["log_loss"], loss, 12)
        # No model is better than the truth, and this one is nearly as good.
        self.assertLess(loss + sum(map(math.log, truth)) / ROWS, 0.002)
        self.assertAlmostEqual(result["propensities"]["smallest"], min(columns["propensity"]), 15)

        estimate = self.directory / "estimate.yaml"
        estimate.write_text(f"log: {{files: [{out.name}]}}\npolicy: {{kind: uniform}}\n"
                            "interval: {level: 0.999}\n")
        value = json.loads(self.call("estimate", estimate, "--json")[0])
        self.assertEqual(value["log"]["propensities"], "estimated")
        ages = [18 + 62 * (i + 0.5) / 1000 for i in range(1000)]
        expected = sum(chance(age, a) for age in ages for a in range(3)) / 3000
        for row in value["estimates"]:
            self.assertLess(row["low"], expected, row)
            self.assertGreater(row["high"], expected, row)
        self.assertIn("Estimated propensities", self.call("estimate", estimate)[0])

        learn = self.directory / "learn.yaml"
        learn.write_text(f"log: {{files: [{out.name}]}}\nepochs: 3\nthreads: 1\n")
        learned = json.loads(self.call("learn", learn, "--run", "first", "--json")[0])
        self.assertEqual(learned["diagnostics"]["propensities"], "estimated")
        self.assertIn("Estimated propensities", self.call("learn", learn, "--run", "second")[0])

    def test_tables_for_people(self):
        write_log(self.directory / "log.csv")
        out, err = self.call("propensity", "propensity.yaml", "--out", "with.safetensors")
        self.assertEqual(err, "")
        self.assertIn("frequencies of the actions", out)
        self.assertEqual(len([line for line in out.splitlines() if " of 12000 rows" in line]), 1)
        table = out.split("of predictions")[1].splitlines()[1:11]
        self.assertTrue(all(len(line.split()) == 4 for line in table), out)
        self.assertIn("log: {files: [with.safetensors]}", out)
        self.assertIn("Examples:", self.call("propensity", "--help")[0])
        self.assertIn("propensity", self.call("--help")[0])

    def test_wrong_use_is_one_line_and_exit_2_and_leaves_nothing(self):
        write_log(self.directory / "log.csv")
        lines = (self.directory / "log.csv").read_text().splitlines()
        (self.directory / "ones.csv").write_text(
            "\n".join([lines[0] + ",p"] + [line + ",1" for line in lines[1:]]) + "\n")
        (self.directory / "half.csv").write_text(
            "\n".join([lines[0] + ",p"] + [line + ",0.5" for line in lines[1:]]) + "\n")
        (self.directory / "torn.csv").write_text("\n".join(lines[:100]) + "\n1,x,20,Rome\n")
        (self.directory / "there.safetensors").write_text("mine")
        ones = ["--set", "log.files=ones.csv", "--set", "log.propensity=p"]
        for words, message in [
                (["--set", "log.files=none.csv"], "none.csv: no such file"),
                (["--set", "log.files=torn.csv"], "torn.csv:101"),
                (["--set", "log.files=half.csv", "--set", "log.propensity=p"],
                 "has propensities already"),
                (["--set", "model.fold=3"], "folds"),
                (["--set", "model.folds=1"], "model.folds"),
                (["--set", "log.context=[agee]"], "did you mean"),
                (["--out", "there.safetensors"], "exists"),
                (["--out", "out.csv"], "must end in .safetensors"),
                (["--out", "nowhere/out.safetensors"], "no such directory")]:
            before = sorted(path.name for path in self.directory.iterdir())
            out, err = self.call("propensity", "propensity.yaml", *words, expect=2)
            self.assertEqual((out, len(err.strip().splitlines())), ("", 1), err)
            self.assertIn(message, err)
            self.assertEqual(sorted(path.name for path in self.directory.iterdir()), before)
        self.assertEqual((self.directory / "there.safetensors").read_text(), "mine")

        # An estimate from such a log is refused, and points here; here it is taken.
        (self.directory / "estimate.yaml").write_text(CONFIG + "policy: {kind: uniform}\n")
        for words in (ones, []):
            _, err = self.call("estimate", "estimate.yaml", *words, expect=2)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            self.assertIn("loopline bandit propensity", err)
        self.call("propensity", "propensity.yaml", *ones, "--out", "there.safetensors", "--force")
        self.assertIn("propensity", columns_of(self.directory / "there.safetensors")[0])
        # A source is never its own target, not even with --force.
        self.call("propensity", "propensity.yaml", "--set", "log.files=there.safetensors", "--set",
                  "log.action=null", "--set", "log.reward.column=null", "--set", "log.context=[]",
                  "--out", "there.safetensors", "--force", expect=2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
