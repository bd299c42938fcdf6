"""The committed results are what the shipped configs and today's program make of their records:
results_test.py LOOPLINE SOURCE_DIR."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()


def call(*arguments):
    result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert result.returncode == 0, (arguments, result.stderr)
    return result.stdout


class Results(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def test_reports_come_from_their_records(self):
        for report in sorted(SOURCE.glob("results/*/*/report.json")):
            with self.subTest(report.parent.name):
                call("report", report.parent, "--out", self.directory)
                made, committed = (json.loads(file.read_text())
                                   for file in (self.directory / "report.json", report))
                made["command"] = committed["command"]
                self.assertEqual(made, committed)

    def test_records_are_of_the_shipped_configs(self):
        # A record of other settings, or of another model, would be refused.
        for name in ("compare", "study"):
            directory = SOURCE / "results/emoji" / name
            if not directory.exists():
                continue
            out = call("compare", SOURCE / f"configs/emoji/{name}.yaml", "--run", directory,
                       "--dry-run", "--json")
            finished = {cell["cell"] for cell in json.loads(out)["cells"] if cell["finished"]}
            records = {file.stem for file in (directory / "cells").glob("*.json")} - {"base"}
            self.assertEqual(finished, records)

    def test_records_tell_no_folders_of_a_machine(self):
        for record in SOURCE.glob("results/*/*/cells/*.json"):
            settings = dict(json.loads(record.read_text())["settings"])
            for option, value in settings.items():
                self.assertFalse(value.startswith("/"), (record.name, option, value))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
