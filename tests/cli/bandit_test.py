"""Drives `loopline bandit` on logs with a known truth, and on the Open Bandit sample where it lies
beside the project: bandit_test.py LOOPLINE SOURCE_DIR."""

import csv
import json
import lzma
import math
import os
import pathlib
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
SAMPLE = SOURCE.parent / "shared/data/obd_small"
ACTIONS, ROWS = 4, 20000
WEIGHT = [0.0, 1.0, -1.0, 2.0]  # of the context, in the target policy


def call(*arguments, expect=0):
    """Runs the binary; returns (standard output, standard error)."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout, result.stderr


def target(x):
    exponentials = [math.exp(w * x) for w in WEIGHT]
    return [e / sum(exponentials) for e in exponentials]


def chance(x, action):
    return 0.1 + 0.2 * action * x


def truth():
    steps = [(i + 0.5) / 1000 for i in range(1000)]
    return sum(p * chance(x, a) for x in steps for a, p in enumerate(target(x))) / 1000


def write_log(path):
    draw = random.Random(5)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["action", "reward", "propensity", "x", "target"])
        for _ in range(ROWS):
            x, action = draw.random(), draw.randrange(ACTIONS)
            out.writerow([action, int(draw.random() < chance(x, action)), 1 / ACTIONS, x,
                          target(x)[action]])


def write_policy(path):
    """The format as docs/bandit.md states it, written by another program."""
    encoding = {"context": [{"name": "x", "kind": "numeric"}], "action": []}
    policy = {"temperature": 1, "encoding": encoding, "action_names": [], "trained_on": []}
    header = {"__metadata__": {"schema": "loopline.bandit.policy/1", "policy": json.dumps(policy)},
              "weight": {"dtype": "F64", "shape": [ACTIONS, 1], "data_offsets": [0, 8 * ACTIONS]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + struct.pack(f"<{ACTIONS}d", *WEIGHT))


CONFIG = """
log:
  files: [log.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
  context: [x]
policy: {kind: softmax, file: policy.safetensors}
"""


def rank_probabilities(alpha, beta):
    """P(item i is k-th largest) for k = 1, 2, 3 of independent Beta variables: integrals over the
    value of item i, with its rivals' number above it up to 2 by products of their distribution
    functions (Simpson's rule). The densities vanish at both ends, where plain sums are exact."""
    count, steps, top = len(alpha), 4000, 0.02
    step = top / steps
    grid = [i * step / 2 for i in range(1, 2 * steps + 1)]  # with the middles
    density, below = [], []
    for a, b in zip(alpha, beta):
        norm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
        f = [math.exp(norm + (a - 1) * math.log(t) + (b - 1) * math.log1p(-t)) for t in grid]
        total, cumulative, last = 0.0, [], 0.0
        for middle, value in zip(f[::2], f[1::2]):
            total += (last + 4 * middle + value) / 6 * step
            last = value
            cumulative.append(min(total, 1.0))
        density.append(f[1::2])
        below.append(cumulative)

    def with_one(p, f):  # one rival more: below with probability f, above otherwise
        return (p[0] * f, p[1] * f + p[0] * (1 - f), p[2] * f + p[1] * (1 - f))

    ranks = [[0.0] * 3 for _ in range(count)]
    for n in range(steps):
        after = [(1.0, 0.0, 0.0)]
        for i in reversed(range(count)):
            after.append(with_one(after[-1], below[i][n]))
        before = (1.0, 0.0, 0.0)
        for i in range(count):
            rest, f = after[count - 1 - i], density[i][n] * step
            ranks[i][0] += f * before[0] * rest[0]
            ranks[i][1] += f * (before[0] * rest[1] + before[1] * rest[0])
            ranks[i][2] += f * (before[0] * rest[2] + before[1] * rest[1] + before[2] * rest[0])
            before = with_one(before, below[i][n])
    return ranks


def read_priors():
    """{campaign: {"alpha": [...], "beta": [...]}} of the sample's YAML file."""
    priors, values = {}, []
    for line in (SAMPLE / "prior_bts.yaml").read_text().splitlines():
        if re.match(r"\w+:", line):
            campaign = priors.setdefault(line[:-1], {})
        elif line.strip().endswith(":"):
            values = campaign.setdefault(line.strip()[:-1], [])
        elif line.strip():
            values.append(float(line.strip()[1:]))
    return priors


class Estimate(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.config = self.directory / "estimate.yaml"
        self.config.write_text(CONFIG)

    def prepare(self):
        write_log(self.directory / "log.csv")
        write_policy(self.directory / "policy.safetensors")

    def estimate(self, *sets):
        words = [word for assignment in sets for word in ("--set", assignment)]
        return json.loads(call("bandit", "estimate", self.config, "--json", *words)[0])

    def test_help_has_examples(self):
        self.assertIn("estimate", call("bandit", "--help")[0])
        self.assertIn("Examples:", call("bandit", "estimate", "--help")[0])
        self.assertIn("bandit", call("--help")[0])

    def test_the_truth_lies_in_the_intervals(self):
        self.prepare()
        result = self.estimate("model.kind=logistic", "interval.level=0.999")
        self.assertEqual(result["verdict"], "usable", result["reasons"])
        names = [row["name"] for row in result["estimates"]]
        self.assertEqual(names, ["ips", "snips", "beta_ips", "dm", "dr", "sndr"])
        for row in result["estimates"]:
            if row["name"] != "dm":  # biased, and its interval knows nothing of the model's error
                self.assertLess(row["low"], truth(), row)
                self.assertGreater(row["high"], truth(), row)
        self.assertAlmostEqual(result["estimates"][3]["value"], truth(), 1)
        self.assertEqual(result["rows"], ROWS)
        self.assertEqual(result["log"]["skipped"], 0)

        # The column says the same of the same policy, and the first estimates are Python's.
        column = self.estimate("policy.kind=column", "policy.file=null", "log.target=target")
        rows = list(csv.DictReader((self.directory / "log.csv").read_text().splitlines()))
        weights = [float(row["target"]) * ACTIONS for row in rows]
        rewards = [float(row["reward"]) for row in rows]
        value = sum(w * r for w, r in zip(weights, rewards)) / ROWS
        for other in (column, result):
            self.assertAlmostEqual(other["estimates"][0]["value"], value, 12)
            self.assertAlmostEqual(other["estimates"][1]["value"], value * ROWS / sum(weights), 12)

    def test_threads_change_no_digit(self):
        self.prepare()
        self.config.write_text(CONFIG.replace("[log.csv]", "[" + ", ".join(["log.csv"] * 4) + "]"))
        outs = [call("bandit", "estimate", self.config, "--json", "--threads", n, "--set",
                     "model.kind=ridge")[0] for n in (1, 2)]
        self.assertEqual(*outs)
        self.assertEqual(json.loads(outs[0])["rows"], 4 * ROWS)

    def test_a_table_for_people_with_the_verdict_first(self):
        self.prepare()
        out, err = call("bandit", "estimate", self.config)
        self.assertEqual(err, "", "a short log needs no progress")
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith("Usable"), out)
        self.assertRegex(lines[2], r"^estimator +value +95 % interval +note$")
        self.assertRegex(lines[3], r"^ips +0\.\d+ +\[0\.\d+, 0\.\d+\] +student_t$")
        out, _ = call("bandit", "estimate", self.config, "--set",
                      "verdict.unusable_effective_rows=1000000")
        self.assertTrue(out.startswith("UNUSABLE"), out)
        self.assertIn("at least 1e+06 are needed", out.splitlines()[1])

    def test_wrong_use_is_one_line_and_exit_2(self):
        self.prepare()
        log = self.directory / "log.csv"
        bad = self.directory / "bad.csv"
        lines = log.read_text().splitlines()
        lines[7] = lines[7].replace("0.25", "0", 1)
        bad.write_text("\n".join(lines) + "\n")
        for sets, message in [(["log.files=bad.csv"], "bad.csv:8"),
                              (["log.files=none.csv"], "none.csv: no such file"),
                              (["policy.kind=unifrom"], "uniform"),
                              (["estimators=[ipss]"], "ips"),
                              (["estimators=[dr]"], "dr needs a model"),
                              (["interval.kind=delta"], "not valid for ips"),
                              (["policy.file=estimate.yaml"], "estimate.yaml"),
                              (["log.propensity=p"], 'no column is called "p"'),
                              (["log.actions=5"], "the policy has 4 actions, and the log 5")]:
            words = [word for assignment in sets for word in ("--set", assignment)]
            # Paths of --set are seen from the directory that the command runs in.
            result = subprocess.run([BINARY, "bandit", "estimate", self.config, *words],
                                    capture_output=True, text=True, cwd=self.directory)
            self.assertEqual((result.returncode, result.stdout), (2, ""), (sets, result))
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            self.assertIn(message, result.stderr)
        result = self.estimate(f"log.files={bad}", "log.bad_rows=skip")
        self.assertEqual((result["rows"], result["log"]["skipped"]), (ROWS - 1, 1))
        self.assertIn("bad.csv:8", result["log"]["skipped_messages"][0])
        self.assertIn("did you mean estimate?", call("bandit", "estimte", expect=2)[1])
        for arguments in (["bandit"], ["bandit", "estimte"], ["bandit", "estimate"],
                          ["bandit", "estimate", "nowhere.yaml"]):
            self.assertEqual(len(call(*arguments, expect=2)[1].strip().splitlines()), 1)

    def test_balanced_weights_of_two_loggers(self):
        draw, shares = random.Random(3), {"new": 0.2, "old": 0.8}
        loggers = {"old": [0.85, 0.05, 0.05, 0.05], "new": [0.02, 0.03, 0.05, 0.9]}
        rows = []
        for i in range(5000):
            by = "new" if i % 5 == 0 else "old"
            x, action = draw.random(), draw.choices(range(ACTIONS), loggers[by])[0]
            rows.append({"by": by, "action": action, "reward": int(draw.random() < chance(x, action)),
                         "p_new": loggers["new"][action], "p_old": loggers["old"][action],
                         "own": loggers[by][action], "target": target(x)[action]})
        with (self.directory / "log.csv").open("w", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]))
            out.writeheader()
            out.writerows(rows)
        log = ("log: {files: [log.csv], action: action, reward: {column: reward}, logger: by, "
               "target: target, %s}\npolicy: {kind: column}\nestimators: [ips, snips]\n")
        self.config.write_text(log % "logger_propensity: 'p_*'")
        result = self.estimate()
        weights = [row["target"] / sum(shares[by] * row["p_" + by] for by in shares) for row in rows]
        value = sum(w * row["reward"] for w, row in zip(weights, rows)) / len(rows)
        self.assertAlmostEqual(result["estimates"][0]["value"], value, 12)
        self.assertAlmostEqual(result["estimates"][1]["value"], value * len(rows) / sum(weights), 12)
        self.assertTrue(result["log"]["balanced"])
        low, high = (result["estimates"][0][key] for key in ("low", "high"))
        self.assertTrue(low < truth() < high, (low, truth(), high))
        for row in result["loggers"]:
            own = [r["target"] / r["own"] for r in rows if r["by"] == row["logger"]]
            self.assertAlmostEqual(row["mean_weight"], sum(own) / len(own), 12)
        self.assertIn("weights are balanced", call("bandit", "estimate", self.config)[0])
        self.config.write_text(log % "propensity: own")
        naive = self.estimate()
        self.assertNotIn("balanced", naive["log"])
        # Intervals shrink as the terms' deviations do.
        own = [row["target"] / row["own"] for row in rows]
        deviations = [statistics.pstdev(w * row["reward"] for w, row in zip(list_, rows))
                      for list_ in (weights, own)]
        self.assertLess(deviations[0], deviations[1])
        width = naive["estimates"][0]["high"] - naive["estimates"][0]["low"]
        self.assertAlmostEqual((high - low) / width, deviations[0] / deviations[1], 9)
        self.config.write_text(log % "propensity: own, logger_propensity: 'p_*'")
        _, err = call("bandit", "estimate", self.config, expect=2)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assertIn("leave out log.propensity", err)

    def test_a_table_by_action(self):
        self.prepare()
        (self.directory / "table.csv").write_text("item,p\n1,0.5\n3,0.5\n")
        self.config.write_text(CONFIG.replace(
            "{kind: softmax, file: policy.safetensors}",
            "{kind: table, file: table.csv, action: item, probability: p}"))
        result = self.estimate("model.kind=ridge", "interval.level=0.999")
        for row in result["estimates"]:
            if row["name"] != "dm":
                self.assertLess(row["low"], 0.3)  # 0.1 + 0.2 E x (1 + 3) / 2
                self.assertGreater(row["high"], 0.3)


class OpenBanditSample(unittest.TestCase):
    """Thompson sampling valued by the log of the random policy, and the other way round."""

    @classmethod
    def setUpClass(cls):
        if not SAMPLE.exists():
            print(f"skipped: the Open Bandit sample is not at {SAMPLE}")
            raise unittest.SkipTest(f"there is no {SAMPLE}")
        cls.directory = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.directory)

    def estimate(self, logger, campaign, actions, policy):
        log = self.directory / f"{logger}_{campaign}.csv"
        packed = SAMPLE / logger / campaign / f"{campaign}.csv.xz"
        log.write_bytes(lzma.decompress(packed.read_bytes()))
        config = self.directory / "estimate.yaml"
        config.write_text(f"""
log:
  files: [{log.name}]
  action: item_id
  reward: {{column: click}}
  propensity: propensity_score
  position: position
  actions: {actions}
policy: {policy}
""")
        out, _ = call("bandit", "estimate", config, "--json")
        self.text = call("bandit", "estimate", config)[0]
        result = json.loads(out)
        values = {row["name"]: row["value"] for row in result["estimates"]}
        print(logger, campaign, result["verdict"], result["diagnostics"], values)
        return result, result["diagnostics"], values

    def thompson(self, campaign, actions):
        priors = read_priors()[campaign]
        self.assertEqual(len(priors["alpha"]), actions)
        ranks = rank_probabilities(priors["alpha"], priors["beta"])
        for k in range(3):  # what quadrature misses, without hiding it
            total = sum(row[k] for row in ranks)
            self.assertAlmostEqual(total, 1, 6)
            for row in ranks:
                row[k] /= total
        with (self.directory / "table.csv").open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["item", "position", "p"])
            out.writerows([i, k + 1, ranks[i][k]] for i in range(actions) for k in range(3))
        return self.estimate("random", campaign, actions, "{kind: table, file: table.csv, "
                             "action: item, position: position, probability: p}")

    def test_thompson_from_the_random_log(self):
        _, d, values = self.thompson("men", 34)
        self.assertAlmostEqual(d["mean_weight"], 0.984782, 6)
        self.assertAlmostEqual(d["effective_rows"], 2474.27, 2)
        self.assertAlmostEqual(values["ips"], 0.00454006, 8)
        self.assertAlmostEqual(values["snips"], 0.00461021, 8)
        self.assertAlmostEqual(values["beta_ips"], 0.00458918, 8)
        _, _, values = self.thompson("women", 46)
        self.assertAlmostEqual(values["ips"], 0.0068041, 7)
        self.assertAlmostEqual(values["snips"], 0.0067997, 7)
        self.assertAlmostEqual(values["beta_ips"], 0.0067997, 7)

    def test_uniform_from_the_thompson_log(self):
        _, d, values = self.estimate("bts", "men", 34, "{kind: uniform}")
        self.assertAlmostEqual(d["mean_weight"], 0.943314, 6)
        self.assertAlmostEqual(d["effective_rows"], 655.71, 2)
        self.assertAlmostEqual(values["ips"], 0.00300863, 8)
        self.assertAlmostEqual(values["snips"], 0.00318942, 8)
        self.assertAlmostEqual(values["beta_ips"], 0.00302275, 8)

    def test_one_weight_of_twenty_thousand_is_called_unusable(self):
        result, d, _ = self.estimate("bts", "women", 46, "{kind: uniform}")
        self.assertEqual(round(d["largest_weight"]), 21739)
        self.assertAlmostEqual(d["effective_rows"], 2.1, 1)
        self.assertEqual(result["verdict"], "unusable")
        self.assertTrue(self.text.startswith("UNUSABLE"), self.text)
        print(self.text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
