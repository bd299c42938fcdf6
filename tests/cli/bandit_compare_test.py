"""Drives `loopline bandit compare`, and `clip_grid` of `bandit estimate`, on logs with a known
truth and on the Open Bandit sample where it lies beside the project: bandit_compare_test.py
LOOPLINE SOURCE_DIR."""

import csv
import json
import lzma
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
SAMPLE = SOURCE.parent / "shared/data/obd_small"
ROWS = 20000
LOGGING, BOLD, SHY = [0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]
CHANCE = [0.1, 0.2, 0.4]
POLICIES = {"bold": BOLD, "shy": SHY, "uniform": [1 / 3] * 3}

CONFIG = """
log:
  files: [log.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
policies:
  bold: {kind: table, file: bold.csv}
  shy: {kind: table, file: shy.csv}
baseline: shy
"""


def call(*arguments, expect=0):
    """Runs the binary; returns (standard output, standard error)."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout, result.stderr


def write_table(path, probabilities):
    lines = [f"{action},{p!r}" for action, p in enumerate(probabilities)]
    path.write_text("\n".join(["action,probability"] + lines) + "\n")


def draw_log(path, logging=LOGGING, chance=CHANCE):
    """Writes a log; returns its rows (action, reward, propensity)."""
    draw = random.Random(3)
    actions = draw.choices(range(3), logging, k=ROWS)
    rows = [(a, int(draw.random() < chance[a]), logging[a]) for a in actions]
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["action", "reward", "propensity"])
        out.writerows(rows)
    return rows


def mean(values):
    return math.fsum(values) / len(values)


def mean_and_error(values):
    m = mean(values)
    return m, math.sqrt(math.fsum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))


def brute_differences(weights, others, rewards):
    """{estimator: (value, standard error)} from the influence functions, row by row."""
    both = list(zip(weights, others, rewards))
    mean_w, mean_o = mean(weights), mean(others)
    snips_w = mean([w * r for w, _, r in both]) / mean_w
    snips_o = mean([o * r for _, o, r in both]) / mean_o
    b = (math.fsum((w - o) ** 2 * r for w, o, r in both) /
         math.fsum((w - o) ** 2 for w, o, _ in both))
    ratio = [w * (r - snips_w) / mean_w - o * (r - snips_o) / mean_o for w, o, r in both]
    return {"ips": mean_and_error([(w - o) * r for w, o, r in both]),
            "snips": (snips_w - snips_o, mean_and_error(ratio)[1]),
            "beta_ips": mean_and_error([(w - o) * (r - b) for w, o, r in both]),
            "clipped_ips": mean_and_error([(min(w, 2) - min(o, 2)) * r for w, o, r in both])}


class Compare(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.config = self.directory / "compare.yaml"
        self.config.write_text(CONFIG)
        write_table(self.directory / "bold.csv", BOLD)
        write_table(self.directory / "shy.csv", SHY)
        self.rows = draw_log(self.directory / "log.csv")

    def run_json(self, command, config, *sets):
        words = [word for assignment in sets for word in ("--set", assignment)]
        return json.loads(call("bandit", command, config, "--json", *words)[0])

    def compare(self, *sets):
        return self.run_json("compare", self.config, *sets)

    def test_help_has_examples(self):
        self.assertIn("compare", call("bandit", "--help")[0])
        self.assertIn("Examples:", call("bandit", "compare", "--help")[0])

    def test_differences_are_those_of_brute_force(self):
        result = self.compare("estimators=[ips, snips, beta_ips, clipped_ips]", "clip=2")
        weights = {name: [p[a] / q for a, _, q in self.rows]
                   for name, p in POLICIES.items()}
        rewards = [r for _, r, _ in self.rows]
        self.assertEqual(len(result["differences"]), 3 * 4)
        for row in result["differences"]:
            self.assertEqual(row["name"], f"{row['policy']} - {row['minus']}")
            value, error = brute_differences(weights[row["policy"]], weights[row["minus"]],
                                             rewards)[row["estimator"]]
            self.assertAlmostEqual(row["value"], value, 12, row)
            self.assertAlmostEqual(row["standard_error"], error, 12, row)
            truth = sum((POLICIES[row["policy"]][a] - POLICIES[row["minus"]][a]) * CHANCE[a]
                        for a in range(3))
            if row["estimator"] != "clipped_ips":
                self.assertLess(abs(row["value"] - truth), 4 * error, row)
        self.assertEqual(result["verdict"], "usable")
        against = {p["name"]: p.get("against_uniform") for p in result["policies"]}
        self.assertEqual(against, {"bold": "better than uniform", "shy": "worse than uniform",
                                   "uniform": None})
        self.assertEqual(set(result["diagnostics"]), {"bold", "shy", "uniform"})

    def test_estimates_are_those_of_estimate_alone(self):
        result = self.compare()
        alone = self.directory / "estimate.yaml"
        text = CONFIG[:CONFIG.index("policies")]
        for name in ("bold", "shy"):
            alone.write_text(text + f"policy: {{kind: table, file: {name}.csv}}\n")
            expected = self.run_json("estimate", alone)
            mine = [row for row in result["estimates"] if row["name"] == name]
            self.assertEqual([row["estimator"] for row in mine],
                             [row["name"] for row in expected["estimates"]])
            for a, b in zip(mine, expected["estimates"]):
                self.assertEqual([a[key] for key in ("value", "low", "high", "standard_error")],
                                 [b[key] for key in ("value", "low", "high", "standard_error")])
            self.assertEqual(result["diagnostics"][name], expected["diagnostics"])

    def test_threads_change_no_digit(self):
        self.config.write_text(CONFIG.replace("[log.csv]", "[" + ", ".join(["log.csv"] * 4) + "]"))
        outs = [call("bandit", "compare", self.config, "--json", "--threads", n)[0] for n in (1, 2)]
        self.assertEqual(*outs)
        self.assertEqual(json.loads(outs[0])["rows"], 4 * ROWS)

    def test_tables_for_people_with_the_weights_first(self):
        write_table(self.directory / "shy.csv", LOGGING)
        out, err = call("bandit", "compare", self.config)
        self.assertEqual(err, "", "a short log needs no progress")
        lines = out.splitlines()
        self.assertTrue(lines[0].startswith("Usable"), out)
        self.assertRegex(lines[2], r"^policy +estimator +value +95 % interval +note$")
        self.assertRegex(lines[3], r"^bold +ips +0\.\d+ +\[0\.\d+, 0\.\d+\] +student_t$")
        self.assertRegex(out, r"bold - shy +beta_ips +0\.\d+ +\[0\.\d+, 0\.\d+\] +delta")
        self.assertRegex(out, r"the logging policy, .* its value is the mean reward, 0\.\d+")
        self.assertIn("against uniform: better than uniform (beta_ips)", out)
        out, _ = call("bandit", "compare", self.config, "--set",
                      "verdict.unusable_effective_rows=1000000")
        self.assertTrue(out.startswith("UNUSABLE"), out)
        self.assertIn("bold: the weights are worth", out.splitlines()[1])
        self.assertIn("against uniform: the weights carry no comparison", out)
        self.assertNotIn("nothing learnable", out)

    def test_nothing_learnable_is_said(self):
        draw_log(self.directory / "log.csv", chance=[0.2] * 3)  # what is done does not matter
        result = self.compare("interval.level=0.999")
        self.assertEqual((result["verdict"], result["weights"]),
                         ("nothing learnable here", "usable"))
        out, _ = call("bandit", "compare", self.config, "--set", "interval.level=0.999")
        self.assertIn("Verdict: nothing learnable here", out)

    def test_wrong_use_is_one_line_and_exit_2(self):
        for sets, message in [(["baseline=bald"], "did you mean bold?"),
                              (["policies.uniform={kind: uniform}"], "is always there"),
                              (["policies.odd={kind: unifrom}"], "policies.odd.kind"),
                              (["policies.odd={kind: table}"], "policies.odd.file"),
                              (["policies.odd={kind: column}", "model.kind=ridge"],
                               "policies.odd.kind 'column'"),
                              (["policy={kind: uniform}"], "policies"),
                              (["interval.kind=confidence_sequence", "estimators=ips"],
                               "not valid for a difference of ips"),
                              (["estimators=clipped_ips", "clip=3", "clip_grid=[3, 4]"],
                               "clip_grid"),
                              (["log.files=none.csv"], "none.csv: no such file")]:
            words = [word for assignment in sets for word in ("--set", assignment)]
            result = subprocess.run([BINARY, "bandit", "compare", self.config, *words],
                                    capture_output=True, text=True, cwd=self.directory)
            self.assertEqual((result.returncode, result.stdout), (2, ""), (sets, result))
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            self.assertIn(message, result.stderr)

    def test_slope_chooses_m_as_a_tiny_implementation_does(self):
        rows = draw_log(self.directory / "log.csv", logging=[0.45, 0.45, 0.1])
        config = self.directory / "estimate.yaml"
        config.write_text(CONFIG[:CONFIG.index("policies")] +
                          "policy: {kind: table, file: bold.csv}\n"
                          "estimators: [clipped_ips, ips]\nclip_grid: [3, 1000, 6, 1, 100]\n")
        result = self.run_json("estimate", config)
        row = result["estimates"][0]
        terms = lambda m: [min(BOLD[a] / q, m) * r for a, r, q in rows]
        quantile = 2.5758  # of the normal distribution, at 1 - .05 / 2 / 5
        low, high, chosen = -math.inf, math.inf, None
        for m, step in zip([1000, 100, 6, 3, 1], row["slope"]):
            value, error = mean_and_error(terms(m))
            self.assertEqual(step["parameter"], m)
            self.assertAlmostEqual(step["value"], value, 12)
            self.assertAlmostEqual(step["width"] / (quantile * error), 1, 3)
            low = max(low, value - 2 * quantile * error)
            high = min(high, value + 2 * quantile * error)
            if low > high:
                break
            chosen = m
        self.assertEqual(row["parameter"], chosen)
        self.assertEqual(chosen, 6)  # the largest weight is 7, and clipping at 3 halves the value
        self.assertAlmostEqual(row["value"], mean_and_error(terms(chosen))[0], 12)
        self.assertNotIn("parameter", result["estimates"][1])
        text, _ = call("bandit", "estimate", config)
        self.assertRegex(text, rf"clipped_ips\({chosen}\) .*chosen by SLOPE of 5")
        for sets, message in [(["clip=3"], "clip is given, too"),
                              (["estimators=[ips]"], "has an M"),
                              (["clip_grid=[3]"], "at least two"),
                              (["clip_grid=[3, 3]"], "each once"),
                              (["clip_grid=[0, 3]"], "clip_grid")]:
            words = [word for assignment in sets for word in ("--set", assignment)]
            _, err = call("bandit", "estimate", config, *words, expect=2)
            self.assertEqual(len(err.strip().splitlines()), 1, err)
            self.assertIn(message, err)


class OpenBanditSample(unittest.TestCase):
    """Half of the items against all of them."""

    @classmethod
    def setUpClass(cls):
        if not SAMPLE.exists():
            print(f"skipped: the Open Bandit sample is not at {SAMPLE}")
            raise unittest.SkipTest(f"there is no {SAMPLE}")
        cls.directory = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.directory)

    def compare(self, logger, campaign, actions, half):
        packed = SAMPLE / logger / campaign / f"{campaign}.csv.xz"
        (self.directory / "log.csv").write_bytes(lzma.decompress(packed.read_bytes()))
        write_table(self.directory / "half.csv", [1 / half] * half + [0] * (actions - half))
        config = self.directory / "compare.yaml"
        config.write_text(f"""
log:
  files: [log.csv]
  action: item_id
  reward: {{column: click}}
  propensity: propensity_score
  actions: {actions}
policies: {{half: {{kind: table, file: half.csv}}}}
baseline: half
""")
        self.text = call("bandit", "compare", config)[0]
        print(self.text)
        return json.loads(call("bandit", "compare", config, "--json")[0])

    def by_name(self, rows):
        return {row["name"]: row for row in rows if row["estimator"] == "beta_ips"}

    def test_half_of_the_items_is_as_good_as_all_as_far_as_the_random_log_knows(self):
        result = self.compare("random", "men", 34, 17)
        estimates = self.by_name(result["estimates"])
        differences = self.by_name(result["differences"])
        for row, value, low, high in [
                (estimates["half"], 0.0036, 0.00194, 0.00526),
                (estimates["uniform"], 0.0046, 0.00327, 0.00593),
                (differences["half - uniform"], -0.001, -0.00233, 0.000326)]:
            self.assertAlmostEqual(row["value"], value, 5, row)
            self.assertAlmostEqual(row["low"], low, 5, row)
            self.assertAlmostEqual(row["high"], high, 5, row)
        policies = {policy["name"]: policy for policy in result["policies"]}
        self.assertTrue(policies["uniform"]["on_policy"])
        self.assertAlmostEqual(estimates["uniform"]["value"],
                               result["diagnostics"]["uniform"]["mean_reward"], 12)
        self.assertFalse(policies["half"]["on_policy"])
        self.assertEqual(result["verdict"], "nothing learnable here")
        self.assertIn("Verdict: nothing learnable here", self.text)

    def test_few_effective_rows_are_no_reason_to_say_that_nothing_is_learnable(self):
        result = self.compare("bts", "women", 46, 23)
        self.assertEqual(result["verdict"], "unusable")
        self.assertAlmostEqual(result["diagnostics"]["uniform"]["effective_rows"], 2.1, 1)
        self.assertTrue(self.text.startswith("UNUSABLE"), self.text)
        self.assertNotIn("nothing learnable", self.text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=2)
