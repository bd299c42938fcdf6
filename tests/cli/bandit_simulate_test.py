"""Drives `loopline bandit simulate` at a tiny size: bandit_simulate_test.py LOOPLINE SOURCE_DIR."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
CONFIG = SOURCE / "configs/bandit/ope_synthetic.yaml"
TINY = ["seeds=2", "rows=[50, 100]", "world.actions=6", "resamples=20",
        "published={1: {100: {ips: 0.5}}}"]


LEARNING = SOURCE / "configs/bandit/opl_synthetic.yaml"
TINY_LEARNING = ["seeds=2", "rows=[200]", "world.actions=6", "learning.epochs=2",
                 "learning.lambda=[0.5, 0.7]", "truth.rows=300",
                 "published={argmax_value: {-4: {200: {ips: 0.5}}}}"]


def simulate(*arguments, expect=0, settings=TINY, config=CONFIG):
    sets = [part for setting in settings for part in ("--set", setting)]
    command = [BINARY, "bandit", "simulate", str(config), *map(str, arguments), *sets]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == expect, (command, result.stdout, result.stderr)
    return result.stdout, result.stderr


class Simulate(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.run = pathlib.Path(self.folder.name) / "run"

    def tearDown(self):
        self.folder.cleanup()

    def test_table_json_and_going_on(self):
        table, said = simulate("--run", self.run)
        self.assertIn("beta_ips", table)
        self.assertIn("12 of 12 cells", said)
        again, said = simulate("--run", self.run, "--json", "--jobs", "2")
        self.assertNotIn("cells", said)
        summary = json.loads(again)
        self.assertEqual(summary, json.loads((self.run / "summary.json").read_text()))
        self.assertEqual((summary["cells"], summary["missing"]), (12, 0))
        self.assertEqual(len(summary["rows"]), 3 * 2 * 9)
        row = next(r for r in summary["rows"] if "published" in r)
        self.assertEqual((row["temperature"], row["rows"], row["estimator"]), (1, 100, "ips"))
        self.assertAlmostEqual(row["ratio"], row["mse"] / 0.5)
        _, said = simulate("--run", self.run, settings=TINY + ["seeds=3"])
        self.assertIn("6 of 18 cells", said)

    def test_jobs_change_no_byte(self):
        simulate("--run", self.run)
        other = self.run.with_name("other")
        simulate("--run", other, "--jobs", "2")
        for cell in (self.run / "cells").iterdir():
            self.assertEqual(cell.read_bytes(), (other / "cells" / cell.name).read_bytes())

    def test_other_settings_are_refused_with_both_values(self):
        simulate("--run", self.run)
        _, said = simulate("--run", self.run, expect=2, settings=TINY + ["clip=7"])
        self.assertIn("clip is 100 there, not 7", said)
        _, said = simulate("--run", self.run, expect=2, settings=["published={1: 2}"])
        self.assertIn("published is a map", said)

    def learn(self, *arguments, settings=TINY_LEARNING, **options):
        return simulate("--run", self.run, *arguments, settings=settings, config=LEARNING,
                        **options)

    def test_learning_table_json_and_going_on(self):
        table, said = self.learn()
        self.assertIn("8 of 8 cells", said)
        for word in ("banditnet", "beta_ips", "gradient variance", "best 0."):
            self.assertIn(word, table)
        again, said = self.learn("--json", "--jobs", "2")
        self.assertNotIn("cells", said)
        summary = json.loads(again)
        self.assertEqual(summary, json.loads((self.run / "summary.json").read_text()))
        self.assertEqual((summary["cells"], summary["missing"]), (8, 0))
        rows = {row["objective"]: row for row in summary["rows"]}
        self.assertEqual(list(rows), ["ips", "banditnet", "snips", "beta_ips"])
        self.assertEqual(rows["ips"]["published"], {"argmax_value": 0.5})
        self.assertEqual(len(rows["snips"]["gradient_variance_by_epoch"]), 2)
        for row in rows.values():
            self.assertTrue(0 < row["value"]["mean"] < row["best"] <= 1)
        _, said = self.learn(settings=TINY_LEARNING + ["seeds=3"])
        self.assertIn("4 of 12 cells", said)

    def test_learning_resumed_equals_straight(self):
        self.learn()
        cells = {cell.name: cell.read_bytes() for cell in (self.run / "cells").iterdir()}
        for name in list(cells)[::2]:
            (self.run / "cells" / name).unlink()
        self.learn("--jobs", "2")
        for name, before in cells.items():
            self.assertEqual((self.run / "cells" / name).read_bytes(), before)

    def test_learning_stopped_by_a_signal_goes_on(self):
        long = TINY_LEARNING + ["seeds=1000", "rows=[2000]"]
        sets = [part for setting in long for part in ("--set", setting)]
        command = [BINARY, "bandit", "simulate", str(LEARNING), "--run", str(self.run), *sets]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while process.poll() is None and len(list(self.run.glob("cells/*.json"))) < 3:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        table, said = process.communicate()
        self.assertEqual(process.returncode, 130, said)
        self.assertIn("cells are missing", table)
        self.assertIn("the same command goes on", said)
        found = {cell.name: cell.read_bytes() for cell in (self.run / "cells").iterdir()}
        few = TINY_LEARNING + ["rows=[2000]"]
        self.learn(settings=few)
        straight = self.run.with_name("straight")
        simulate("--run", straight, settings=few, config=LEARNING)
        for cell in (straight / "cells").iterdir():
            self.assertEqual((self.run / "cells" / cell.name).read_bytes(), cell.read_bytes())
        for name, before in found.items():
            self.assertEqual((self.run / "cells" / name).read_bytes(), before)

    def test_bad_learning_is_one_line(self):
        for setting, word in ((["learning.objectives=[ipz]"], "ipz"),
                              (["learning.lambda=[]"], "banditnet needs learning.lambda"),
                              (["estimators=[ips]"], "estimators")):
            _, said = self.learn(settings=TINY_LEARNING + setting, expect=2)
            self.assertIn(word, said)
            self.assertEqual(said.count("\n"), 1, said)
            self.assertFalse(self.run.exists())

    def test_a_directory_of_estimators_is_refused(self):
        simulate("--run", self.run)
        _, said = self.learn(expect=2)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertIn("simulation.yaml", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
