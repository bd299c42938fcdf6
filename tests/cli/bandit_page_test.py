"""The pages of `loopline bandit` by the real binary, as markup, and in a browser where there is one:
bandit_page_test.py LOOPLINE."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import unittest

from page_browser import BROWSER, DARK, LIGHT, InABrowser, Page

BINARY = os.path.abspath(sys.argv[1])
ROWS, LOGGING = 5000, [0.5, 0.3, 0.2]
POLICIES = {"bold": [0.1, 0.2, 0.7], "shy<b>&": [0.4, 0.35, 0.25]}
LOG = """
log:
  files: [log.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
  logger: logger
"""
ESTIMATE = LOG + "policy: {kind: table, file: bold.csv}\n"
COMPARE = LOG + """
policies:
  bold: {kind: table, file: bold.csv}
  "shy<b>&": {kind: table, file: shy.csv}
baseline: bold
"""
SIMULATE = """
temperatures: [1, -2]
rows: [200, 100]
seeds: 3
resamples: 50
world: {kind: synthetic, actions: 5}
target: {rows: 300}
estimators: [ips, snips, beta_ips]
published:
  1: {200: {ips: 0.05}}
"""
LEARN = """
log:
  files: [learn.csv]
  action: action
  reward: {column: reward}
  propensity: propensity
  context: [x]
optimizer: {batch: 512}
epochs: 6
threads: 1
"""


def numbers(text):
    """The numbers of a cell with their last digits' places, a true minus as a minus."""
    found = re.findall(r"[+−-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", text)
    return [float(part.replace("−", "-").replace(",", "")) for part in found]


class BanditPage(InABrowser):
    def setUp(self):
        draw = random.Random(5)
        with (self.directory / "log.csv").open("w") as log:
            log.write("action,reward,propensity,logger\n")
            for i in range(ROWS):
                action = draw.choices(range(3), LOGGING)[0]
                reward = int(draw.random() < 0.1 * 2 ** action)
                log.write(f"{action},{reward},{LOGGING[action]},{'<i>' if i % 2 else 'night'}\n")
        for name, chances in zip(("bold", "shy"), POLICIES.values()):
            lines = [f"{action},{chance}" for action, chance in enumerate(chances)]
            (self.directory / f"{name}.csv").write_text("\n".join(["action,probability"] + lines) + "\n")
        (self.directory / "estimate.yaml").write_text(ESTIMATE)
        (self.directory / "compare.yaml").write_text(COMPARE)
        shutil.rmtree(self.directory / "page", ignore_errors=True)

    def call(self, *arguments, expect=0):
        result = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True,
                                cwd=self.directory)
        self.assertEqual(result.returncode, expect, (arguments, result.stdout, result.stderr))
        return result

    def page(self, file="page/report.html"):
        text = (self.directory / file).read_text()
        page = Page(text)
        for tag, attributes in page.attributes:
            self.assertNotEqual(tag, "script")
            for name in ("src", "href", "xlink:href", "action", "data"):
                self.assertRegex(attributes.get(name) or "#", r"^(#|data:image/png;base64,)")
        if shutil.which("gnuplot"):
            self.assertIn("plot", [a.get("class") for tag, a in page.attributes if tag == "svg"])
        else:
            self.assertIn("gnuplot", text)
        return page, text

    def report_of(self, command, *arguments):
        self.call("bandit", command, f"{command}.yaml", "--report", "page", *arguments)
        return json.loads((self.directory / "page/report.json").read_text())

    def assert_shown(self, rows, shown, names):
        """Each row of the JSON, in its order, as far as the digits of the table go."""
        self.assertEqual(len(rows), len(shown) - 1)
        for row, cells in zip(rows, shown[1:]):
            for cell, key in zip(cells, names):
                self.assertEqual(cell, row[key])
            value = cells[len(names)]
            digits = len(re.search(r"\.(\d+?)(?=[+−-]?\d\.)", value)[1])
            for number, key in zip(split_numbers(value, digits), ("value", "low", "high"),
                                   strict=True):
                self.assertAlmostEqual(number, row[key], delta=0.51 * 10 ** -digits, msg=(row, value))
            self.assertAlmostEqual(numbers(cells[len(names) + 2])[0], row["standard_error"],
                                   delta=1e-5 * row["standard_error"])

    def assert_renders(self, file, rows=300):
        if BROWSER is None:
            self.skipTest("no Chromium is installed (apt-get install chromium)")
        for scheme, size in ((LIGHT, "1280,2400"), (DARK, "1280,2400"), (LIGHT, "500,1600")):
            paper, busy = self.screenshot(file, "page.png", scheme, size)
            self.assertEqual(min(paper) > 200, scheme == LIGHT)
            self.assertGreater(busy, rows)
        self.assert_fits_a_phone(file)


def split_numbers(text, digits):
    """"0.1230.100 to 0.146": the value and its interval stand behind each other."""
    return numbers(re.sub(rf"(\.\d{{{digits}}})", r"\1 ", text))


class EstimatePage(BanditPage):
    def test_it_shows_the_numbers_of_its_report(self):
        report = self.report_of("estimate", "--set", "clip_grid=[1, 2, 5]", "--set",
                                "estimators=[ips, snips, beta_ips, clipped_ips]")
        self.assertEqual((report["format"], report["version"]), ("loopline-bandit-estimate", 1))
        page, text = self.page()
        rows = report["estimates"]
        for row in rows:
            row["name"] += f"({row['parameter']:g})" if "parameter" in row else ""
        self.assert_shown(rows, page.tables["values"], ["name"])
        self.assertLess(text.index('id="verdict"'), text.index('id="values"'), "verdict first")
        self.assertIn("<strong>Usable</strong>", text)
        self.assertIn("loopline bandit estimate estimate.yaml --report page", text)
        self.assertEqual(page.tables["loggers"][1][0], "night")
        self.assertEqual(page.tables["loggers"][2][0], "<i>", "names are text")
        effective = report["diagnostics"]["effective_rows"]
        self.assertIn(f"5,000 rows count for as much as {round(effective):,} of equal weight", text)

    def test_the_report_is_what_json_prints_and_its_histogram_has_all_rows(self):
        report = self.report_of("estimate")
        printed = json.loads(self.call("bandit", "estimate", "estimate.yaml", "--json").stdout)
        self.assertEqual({k: v for k, v in report.items() if k not in ("format", "version", "command")},
                         printed)
        bins = report["diagnostics"]["weight_histogram"]
        self.assertEqual(sum(b["rows"] for b in bins), ROWS)
        diagnostics = report["diagnostics"]
        self.assertAlmostEqual(sum(b["weight"] for b in bins), ROWS * diagnostics["mean_weight"], 6)
        # Weights are 0.1 / 0.5, 0.2 / 0.3 and 0.7 / 0.2; other bins between them are empty.
        filled = [(b["low"], b["high"]) for b in bins if b["rows"]]
        for (low, high), weight in zip(filled, (0.2, 2 / 3, 3.5), strict=True):
            self.assertTrue(low <= weight < high, (low, high, weight))

    def test_reasons_stand_behind_the_verdict(self):
        report = self.report_of("estimate", "--set", "verdict.unusable_effective_rows=1000000")
        _, text = self.page()
        verdict = text[text.index('id="verdict"'):text.index("</ul>")]
        self.assertIn("<strong>Unusable</strong>", verdict)
        self.assertEqual(len(report["reasons"]), verdict.count("<li>"))
        self.assertIn("at least 1e+06 are needed", verdict)

    def test_a_report_replaces_its_own_kind_alone(self):
        self.report_of("estimate")
        self.report_of("estimate", "--set", "interval.level=0.9")
        before = (self.directory / "page/report.html").read_bytes()
        result = self.call("bandit", "compare", "compare.yaml", "--report", "page", expect=2)
        self.assertEqual(result.stdout, "")
        self.assertIn("page: has another report", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1)
        self.assertEqual((self.directory / "page/report.html").read_bytes(), before)
        result = self.call("bandit", "estimate", "estimate.yaml", "--report", "log.csv", expect=2)
        self.assertIn("log.csv: is no directory", result.stderr)

    def test_without_a_report_nothing_is_written(self):
        before = sorted(self.directory.rglob("*"))
        self.call("bandit", "estimate", "estimate.yaml")
        self.assertEqual(sorted(self.directory.rglob("*")), before)

    def test_it_renders(self):
        self.report_of("estimate")
        self.assert_renders("page/report.html")


class ComparisonPage(BanditPage):
    def test_it_shows_the_numbers_of_its_report(self):
        report = self.report_of("compare")
        self.assertEqual(report["format"], "loopline-bandit-compare")
        page, text = self.page()
        self.assert_shown(report["differences"], page.tables["differences-table"],
                          ["name", "estimator"])
        self.assert_shown(report["estimates"], page.tables["values"], ["name", "estimator"])
        self.assertEqual([row[0] for row in page.tables["weights-table"]],
                         ["policy", *POLICIES, "uniform"])
        for row in page.tables["weights-table"][1:]:
            self.assertAlmostEqual(numbers(row[1])[0],
                                   report["diagnostics"][row[0]]["effective_rows"], delta=0.01)
        self.assertIn("bold: better than uniform (by beta_ips).", text)
        self.assertLess(text.index('id="verdict"'), text.index('id="differences-table"'))

    def test_nothing_learnable_comes_first(self):
        log = (self.directory / "log.csv").read_text()
        (self.directory / "log.csv").write_text(re.sub(r"(?m)^(\d),\d", r"\1,1", log))
        report = self.report_of("compare", "--set", "estimators=snips")
        self.assertEqual(report["verdict"], "nothing learnable here")
        _, text = self.page()
        self.assertIn('id="verdict"><p><strong>Nothing learnable here</strong>', text)

    def test_it_renders(self):
        self.report_of("compare")
        self.assert_renders("page/report.html")


class SimulationPage(BanditPage):
    def simulate(self, *arguments):
        (self.directory / "simulate.yaml").write_text(SIMULATE)
        shutil.rmtree(self.directory / "simulated", ignore_errors=True)
        self.call("bandit", "simulate", "simulate.yaml", "--run", "simulated", *arguments)
        return json.loads((self.directory / "simulated/summary.json").read_text())

    def test_it_shows_the_numbers_of_its_summary(self):
        summary = self.simulate()
        page, text = self.page("simulated/report.html")
        for i, temperature in enumerate((1, -2)):
            rows = [row for row in summary["rows"] if row["temperature"] == temperature]
            shown = page.tables[f"temperature-{i}-table"][1:]
            self.assertEqual(len(rows), len(shown))
            for row, cells in zip(sorted(rows, key=lambda row: row["rows"]), shown):
                self.assertEqual((cells[0], cells[1]), (row["estimator"], str(row["rows"])))
                self.assertEqual(cells[3], f"{row['mse']:.3g}{row['mse_low']:.3g} to {row['mse_high']:.3g}")
                self.assertEqual(cells[4:7], [f"{row[key]:.3g}" for key in
                                              ("bias_squared", "variance", "coverage")])
                self.assertEqual(cells[8], f"{row['published']:.3g}" if "published" in row else "–")
        longest = [row for row in summary["rows"] if (row["temperature"], row["rows"]) == (1, 200)]
        best = min(longest, key=lambda row: row["mse"])["estimator"]
        self.assertIn(f"At temperature 1 and 200 rows {best} has the smallest", text)
        self.assertIn("times the published ones, of which there are 1.", text)
        self.assertEqual(text.count("Hollow circles"), 1, "of the temperature that has one")
        self.assertIn("loopline bandit simulate simulate.yaml --run simulated", text)

    def test_going_on_makes_the_page_anew(self):
        self.simulate("--set", "rows=[100]")
        text = (self.directory / "simulated/report.html").read_text()
        self.assertIn("At temperature 1 and 100 rows", text)
        self.call("bandit", "simulate", "simulate.yaml", "--run", "simulated")
        self.assertIn("At temperature 1 and 200 rows", self.page("simulated/report.html")[1])

    def test_it_renders(self):
        self.simulate()
        self.assert_renders("simulated/report.html")


class LearningPage(BanditPage):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draw = random.Random(8)
        with (cls.directory / "learn.csv").open("w") as log:
            log.write("action,reward,propensity,x\n")
            for _ in range(6000):
                action, x = draw.choices(range(3), LOGGING)[0], draw.random()
                chance = (0.1, 0.3, 0.2 + 0.6 * x)[action]
                log.write(f"{action},{int(draw.random() < chance)},{LOGGING[action]},{x:.3f}\n")
        (cls.directory / "learn.yaml").write_text(LEARN)
        for run, rate in (("first", "0.05"), ("second", "0.01")):
            subprocess.run([BINARY, "bandit", "learn", "learn.yaml", "--run", run, "--set",
                            f"optimizer.lr={rate}"], check=True, cwd=cls.directory, capture_output=True)

    def test_it_shows_what_the_run_left(self):
        printed = self.call("report", "first").stdout
        report = json.loads((self.directory / "first/report.json").read_text())
        self.assertEqual(report["format"], "loopline-bandit-learn")
        run, = report["runs"]
        lines = [json.loads(line) for line in
                 (self.directory / "first/metrics.jsonl").read_text().splitlines()]
        for name in ("heldout/value", "heldout/low", "gradient/variance", "train/ips"):
            self.assertEqual(run["curves"][name], [line[name] for line in lines])
        self.assertEqual(run["best_epoch"], max(lines, key=lambda line: line["heldout/value"])["iteration"])
        self.assertEqual(run["summary"], json.loads((self.directory / "first/summary.json").read_text()))
        self.assertIn("better than uniform", printed)
        page, text = self.page("first/report.html")
        shown = page.tables["values"][1:] + page.tables["differences"][1:]
        self.assertEqual(len(shown), 5)
        for row, cells in zip(run["summary"]["estimates"], shown):
            self.assertEqual(cells[:2], ["first", row["name"]])
            for number, key in zip(split_numbers(cells[2], 5), ("value", "low", "high"), strict=True):
                self.assertAlmostEqual(number, row[key], delta=0.51e-5)
        self.assertIn(["optimizer.lr", "0.05"], page.tables["settings"])
        self.assertLess(text.index('id="verdict"'), text.index('id="values"'))

    def test_several_runs_share_a_page(self):
        report = json.loads(self.call("report", "first", "second", "--out", "page", "--json").stdout)
        self.assertEqual([run["name"] for run in report["runs"]], ["first", "second"])
        page, _ = self.page()
        self.assertEqual(page.tables["settings"], [["option", "first", "second"],
                                                   ["optimizer.lr", "0.05", "0.01"]])
        self.assertEqual(len(page.tables["values"]), 1 + 2 * 3)

    def test_a_run_that_goes_on_has_no_summary_until_it_is_judged_again(self):
        shutil.copytree(self.directory / "first", self.directory / "third")
        self.addCleanup(shutil.rmtree, self.directory / "third")
        (self.directory / "third/summary.json").unlink()  # as of a run that was stopped
        self.assertIn("third: 6 epochs, best", self.call("report", "third").stdout)
        _, text = self.page("third/report.html")
        self.assertIn("<strong>not finished</strong>, 6 epochs so far", text)
        self.call("resume", "third", "--set", "epochs=7")
        self.assertIn("verdict", json.loads((self.directory / "third/summary.json").read_text()))

    def test_wrong_use_is_one_line_and_exit_2(self):
        self.call("bandit", "estimate", "estimate.yaml", "--report", "page")
        for arguments, message in ((["first", "--metric", "reward"], "has no --title, --metric"),
                                   (["first", "--out", "page"], "page: has another report"),
                                   (["first", "."], "make two reports")):
            result = self.call("report", *arguments, expect=2)
            self.assertEqual(result.stdout, "")
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertIn(message, result.stderr)

    def test_it_renders(self):
        self.call("report", "first", "second", "--out", "page")
        self.assert_renders("page/report.html")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
