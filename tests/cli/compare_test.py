"""Drives `loopline compare` and `loopline report` in a tiny world:
compare_test.py LOOPLINE MAKE_TINY_WORLD."""

import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY, MAKE_WORLD = map(os.path.abspath, sys.argv[1:3])
COMPARISON = """\
algorithms: [{name: loop, config: run.yaml}, {name: ppo, config: ppo.yaml}, reinforce]
seeds: [5, 6]
images: 96
equal_updates: true
tune: {values: [0.005, 0.02], seeds: [9], images: 64}
ways: [{name: eta 0, eta: 0}]
"""


def call(*arguments, cwd=None, expect=0):
    """Runs the binary; returns (standard output, standard error)."""
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, cwd=cwd)
    assert result.returncode == expect, (arguments, result.returncode, result.stdout, result.stderr)
    return result.stdout, result.stderr


def without_times(value):
    """What must be equal whenever and however often interrupted a comparison was made."""
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items()
                if key not in ("seconds", "command", "findings")}
    return [without_times(part) for part in value] if isinstance(value, list) else value


class Compare(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.world = cls.root / "world"
        subprocess.run([MAKE_WORLD, cls.world], check=True)
        (cls.world / "ppo.yaml").write_text("base: run.yaml\nalgorithm: ppo\n"
                                            "rollout: {group_size: 1}\n")
        (cls.world / "reinforce.yaml").write_text(
            "base: run.yaml\nalgorithm: reinforce\nrollout: {group_size: 1}\n"
            "learner: {updates_per_epoch: 1}\n")
        (cls.world / "compare.yaml").write_text(COMPARISON)
        cls.config = cls.world / "compare.yaml"
        cls.done = cls.root / "done"
        cls.out, cls.err = call("compare", cls.config, "--run", cls.done, "--jobs", 2)

    def report(self, directory):
        return json.loads((directory / "report.json").read_text())

    def test_reports_every_algorithm(self):
        report = self.report(self.done)
        self.assertEqual(set(report["algorithms"]),
                         {"loop", "ppo", "reinforce", "reinforce-equal-updates"})
        for name, arm in report["algorithms"].items():
            self.assertEqual(arm["seeds"], [5, 6])
            self.assertEqual(arm["budget"]["images"], 96, name)
            for metric in ("judge_reward", "reward", "diversity", "vendi"):
                interval = arm[metric]
                self.assertLessEqual(interval["low"], interval["mean"])
                self.assertLessEqual(interval["mean"], interval["high"])
            self.assertIn("eta 0", arm["conditions"])
        self.assertEqual(report["algorithms"]["reinforce-equal-updates"]["budget"]["updates"],
                         report["algorithms"]["loop"]["budget"]["updates"])
        self.assertIn("prompts", report["base"]["splits"])
        self.assertEqual(len(report["findings"]), 3)
        self.assertEqual(report["problems"], [])
        for tuned in report["tuning"]:
            self.assertEqual(len(tuned["values"]), 2)
            self.assertEqual(sum(value["chosen"] for value in tuned["values"]), 1)

    def test_the_search_hands_on_what_it_chose(self):
        chosen = {tuned["algorithm"]: next(v for v in tuned["values"] if v["chosen"])["value"]
                  for tuned in self.report(self.done)["tuning"]}
        for algorithm, value in chosen.items():
            cell = json.loads((self.done / f"cells/{algorithm}-seed-5.json").read_text())
            self.assertEqual(float(dict(cell["settings"])["optimizer.lr"]), float(value))

    def test_prints_a_table_and_three_sentences(self):
        for name in ("base", "loop", "ppo", "reinforce-equal-updates", "report.html"):
            self.assertIn(name, self.out)
        for sentence in self.report(self.done)["findings"]:
            self.assertIn(sentence.split()[0], self.out)

    def test_the_table_is_the_mean_over_its_cells(self):
        for arm in ("loop", "ppo"):
            means = []
            for seed in (5, 6):
                cell = json.loads((self.done / f"cells/{arm}-seed-{seed}.json").read_text())
                scores = cell["evaluations"][0]["splits"][0]["metrics"]["reward"]
                means.append(sum(scores) / len(scores))
            self.assertAlmostEqual(self.report(self.done)["algorithms"][arm]["reward"]["mean"],
                                   sum(means) / 2, places=5)

    def test_csv_agrees_with_json(self):
        report = self.report(self.done)
        rows = list(csv.DictReader((self.done / "report.csv").read_text().splitlines()))
        row = next(r for r in rows if r["algorithm"] == "ppo" and r["metric"] == "reward"
                   and r["condition"] in ("", "default"))
        self.assertAlmostEqual(float(row["mean"]), report["algorithms"]["ppo"]["reward"]["mean"],
                               places=6)

    def test_again_does_nothing_and_says_the_same(self):
        before = {file: file.stat().st_mtime_ns for file in (self.done / "cells").iterdir()}
        _, err = call("compare", self.config, "--run", self.done)
        self.assertNotIn("training", err)
        self.assertEqual(before, {f: f.stat().st_mtime_ns for f in (self.done / "cells").iterdir()})

    def test_reported_again_it_says_the_same(self):
        out = self.root / "again"
        call("report", self.done, "--out", out)
        before, after = self.report(self.done), self.report(out)
        for report in (before, after):
            report.pop("command")
        self.assertEqual(before, after)
        call("report", self.done, "--out", out, "--metric", "reward", "--title", "Mine")
        self.assertEqual(self.report(out)["metric"], "reward")
        self.assertEqual(self.report(out)["title"], "Mine")

    def test_records_alone_are_enough(self):
        copy = self.root / "records"
        shutil.copytree(self.done / "cells", copy / "cells")
        shutil.copy(self.done / "comparison.json", copy)
        _, err = call("compare", self.config, "--run", copy)
        self.assertNotIn("training", err)
        self.assertEqual(self.report(copy)["algorithms"], self.report(self.done)["algorithms"])

    def test_a_dry_run_tells_what_is_to_do(self):
        directory = self.root / "planned"
        out, _ = call("compare", self.config, "--run", directory, "--dry-run", "--json")
        plan = json.loads(out)["cells"]
        self.assertFalse(directory.exists())
        self.assertEqual(len(plan), 3 * 2 + 4 * 2, "the search and the table with equal updates")
        self.assertEqual({cell["done"] for cell in plan}, {0})
        finished = json.loads(call("compare", self.config, "--run", self.done, "--dry-run", "--json")[0])
        self.assertTrue(all(cell["finished"] for cell in finished["cells"]))
        self.assertIn("14 of 14 runs finished", call("compare", self.config, "--run", self.done,
                                                     "--dry-run")[0])

    def test_interrupted_again_and_again_equals_straight(self):
        directory = self.root / "interrupted"
        stopped = 0
        for _ in range(40):
            process = subprocess.Popen([BINARY, "compare", self.config, "--run", directory,
                                        "--jobs", "1"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
            try:
                process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGTERM if stopped % 2 else signal.SIGINT)
                process.wait()
            if process.returncode == 0:
                break
            self.assertIn(process.returncode, (130, 143))
            stopped += 1
        self.assertEqual(process.returncode, 0)
        self.assertGreater(stopped, 0)
        self.assertEqual(without_times(self.report(directory)), without_times(self.report(self.done)))

    def test_killed_children_die_and_are_taken_up(self):
        directory = self.root / "killed"
        process = subprocess.Popen([BINARY, "compare", self.config, "--run", directory, "--jobs", "2"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not list(directory.glob("runs/*/metrics.jsonl")):
            time.sleep(0.01)
        process.kill()
        process.wait()
        while subprocess.run(["pgrep", "-f", f"{directory}/runs"], capture_output=True).returncode == 0:
            time.sleep(0.05)  # they get SIGTERM, and write a checkpoint
        call("compare", self.config, "--run", directory)
        self.assertEqual(without_times(self.report(directory)), without_times(self.report(self.done)))

    def test_a_failing_cell_is_named_and_the_others_go_on(self):
        # A reward that is not finite stops a run; this one's learning rate sees to it.
        config = self.world / "failing.yaml"
        config.write_text("algorithms: [{name: loop, config: run.yaml}, {name: bad, config: run.yaml,"
                          " set: [guard.non_finite=stop, optimizer.lr=1e30]}]\nseeds: [5]\nimages: 96\n")
        directory = self.root / "failing"
        out, err = call("compare", config, "--run", directory, expect=1)
        self.assertRegex(err, r"loopline: bad-seed-5: training failed \(exit code 1\)")
        report = self.report(directory)
        self.assertIn("loop", report["algorithms"])
        self.assertEqual(len(report["problems"]), 1)
        self.assertIn("loop", out)

    def test_refuses_cells_of_other_settings(self):
        _, err = call("compare", self.config, "--run", self.done, "--set",
                      "set=[sampler.steps=3]", expect=2)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assertRegex(err, r"sampler.steps is 4 there, not 3")

    def test_more_images_make_runs_longer(self):
        directory = self.root / "longer"
        config = self.world / "short.yaml"
        config.write_text("algorithms: [{name: loop, config: run.yaml}]\nseeds: [5]\nimages: 32\n")
        call("compare", config, "--run", directory)
        call("compare", config, "--run", directory, "--set", "images=96")
        straight = self.root / "straight"
        call("compare", config, "--run", straight, "--set", "images=96")
        self.assertEqual(without_times(self.report(directory)), without_times(self.report(straight)))

    def test_wrong_use_is_one_line(self):
        (self.root / "mine").mkdir()
        (self.root / "mine/thesis.txt").write_text("precious")
        for arguments in (["compare", "nowhere.yaml"], ["report", "nowhere"], ["report"],
                          ["compare", self.config, "--run", self.root / "mine"],
                          ["compare", self.config, "--set", "imagse=3"],
                          ["compare", self.world / "run.yaml"]):
            out, err = call(*arguments, cwd=self.root, expect=2)
            self.assertEqual(len(err.strip().splitlines()), 1, (arguments, err))
            self.assertEqual(out, "")
        self.assertEqual([f.name for f in (self.root / "mine").iterdir()], ["thesis.txt"])

    def test_reports_single_and_unfinished_runs(self):
        run = self.root / "single"
        call("train", self.world / "run.yaml", "--run", run)
        out, _ = call("report", run)
        self.assertIn("report.html", out)
        self.assertTrue((run / "report.html").exists())
        self.assertIn("judge/judge_reward", json.dumps(self.report(run)["curves"]))
        # The last iteration is still to come.
        lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
        (run / "metrics.jsonl").write_text("".join(lines[:-1]))
        call("report", run)
        self.assertEqual(self.report(run)["running"], ["single"])

    def test_groups_runs_by_all_but_the_seed(self):
        runs = []
        for seed in (1, 2):
            for rate in (0.01, 0.02):
                run = self.root / f"grouped-{rate}-{seed}"
                call("train", self.world / "run.yaml", "--run", run, "--set", f"seed={seed}", "--set",
                     f"optimizer.lr={rate}", "--set", "iterations=2")
                call("evaluate", run, "--save", "default")
                runs.append(run)
        out = self.root / "grouped"
        call("report", *runs, "--out", out, "--title", "Two rates")
        report = self.report(out)
        self.assertEqual(len(report["algorithms"]), 2)
        for arm in report["algorithms"].values():
            self.assertEqual(sorted(arm["seeds"]), [1, 2])
        self.assertIn("prompts", report["base"]["splits"])
        self.assertIn("Two rates", (out / "report.html").read_text())
        self.assertEqual([row["option"] for row in report["settings"]], ["optimizer.lr"])

    def test_the_page_needs_no_network(self):
        page = (self.done / "report.html").read_text()
        self.assertNotRegex(re.sub(r"http://www\.w3\.org/[\w/]*", "", page), r"https?://|@import")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
