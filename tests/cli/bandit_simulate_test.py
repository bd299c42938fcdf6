"""Drives `loopline bandit simulate` at a tiny size: bandit_simulate_test.py LOOPLINE SOURCE_DIR."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
CONFIG = SOURCE / "configs/bandit/ope_synthetic.yaml"
TINY = ["seeds=2", "rows=[50, 100]", "world.actions=6", "resamples=20",
        "published={1: {100: {ips: 0.5}}}"]


def simulate(*arguments, expect=0, settings=TINY):
    sets = [part for setting in settings for part in ("--set", setting)]
    command = [BINARY, "bandit", "simulate", str(CONFIG), *map(str, arguments), *sets]
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
