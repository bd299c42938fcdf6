"""The report page in a real browser:
report_page_test.py REPORT_TEST_BINARY LOOPLINE MAKE_TINY_WORLD.

The first binary's test writes pages of every kind, the real command one of runs in a tiny world.
Exit 77, skipped, where no Chromium is installed.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from page_browser import BROWSER, DARK, LIGHT, InABrowser, Page

BINARY, LOOPLINE, MAKE_WORLD = map(os.path.abspath, sys.argv[1:4])
COMPARISON = """\
algorithms: [{name: loop, config: run.yaml}, {name: slower, config: run.yaml, set: [optimizer.lr=0.001]}]
seeds: [5, 6]
images: 64
set: [samples.every=2]
"""


class ReportPage(InABrowser):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([BINARY, "--gtest_filter=ReportPage.WritesPagesForABrowser"], check=True,
                       capture_output=True, env={**os.environ, "LOOPLINE_PAGE_OUT": str(cls.directory)})

    def test_light_and_dark(self):
        light, light_rows = self.screenshot("report.html", "light.png", LIGHT)
        dark, dark_rows = self.screenshot("report.html", "dark.png", DARK)
        self.assertGreater(min(light), 200, "paper")
        self.assertLess(max(dark), 60, "paper in the dark")
        self.assertGreater(light_rows, 600, "the page is blank")
        self.assertGreater(dark_rows, 600, "the page is blank")

    def test_every_page_renders_wide_and_narrow(self):
        for page, rows in (("twelve.html", 600), ("one.html", 600), ("empty.html", 60)):
            for size in ("1280,1600", "500,1600"):
                with self.subTest(page=page, size=size):
                    self.assertGreater(self.screenshot(page, "page.png", LIGHT, size)[1], rows)

    def test_the_document_holds_the_tables(self):
        page = Page(self.browse("report.html", "--dump-dom"))
        rows = {row[0]: row for row in page.tables["results-table"]}
        self.assertEqual(len(rows), 5, "a head, the base model and three arms")
        self.assertTrue(all(len(row) == len(rows[""]) for row in rows.values()), rows)
        self.assertEqual([name for name in rows if name.startswith("loop")], ["loop3 seeds"])
        self.assertRegex(rows["loop3 seeds"][1], r"^0\.\d{3}0\.\d{3} to 0\.\d{3}$")
        self.assertIn("differences-table", page.tables)
        for tag, attributes in page.attributes:
            self.assertNotEqual(tag, "script")
            for name in ("src", "href", "xlink:href", "action", "data"):
                self.assertRegex(attributes.get(name) or "#", r"^(#|data:image/png;base64,)")

    def test_nothing_is_wider_than_a_phone(self):
        self.assert_fits_a_phone("report.html")

    def test_it_prints(self):
        pdf = self.directory / "report.pdf"
        self.browse("report.html", f"--print-to-pdf={pdf}")
        self.assertEqual(pdf.read_bytes()[:5], b"%PDF-")
        self.assertGreater(pdf.stat().st_size, 50000)


class RealPage(InABrowser):
    """What `loopline compare` leaves, from training to the page."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        world, cls.done = cls.directory / "world", cls.directory / "done"
        subprocess.run([MAKE_WORLD, world], check=True)
        (world / "compare.yaml").write_text(COMPARISON)
        subprocess.run([LOOPLINE, "compare", world / "compare.yaml", "--run", cls.done, "--jobs", "2"],
                       check=True, capture_output=True)
        cls.report = json.loads((cls.done / "report.json").read_text())

    def test_it_shows_the_numbers_of_its_report(self):
        page = Page(self.browse("done/report.html", "--dump-dom"))
        rows = {row[0]: row for row in page.tables["results-table"]}
        self.assertEqual(set(rows), {"", "basebefore training", "loop2 seeds", "slower2 seeds"})
        for arm in ("loop", "slower"):
            shown = self.report["algorithms"][arm][self.report["metric"]]
            self.assertTrue(rows[f"{arm}2 seeds"][1].startswith(f"{shown['mean']:.3f}"),
                            (rows[f"{arm}2 seeds"], shown))
        options = [row[0] for row in page.tables["settings-table"]]
        self.assertEqual(options, ["option", "optimizer.lr"])

    def test_it_has_pictures_of_every_arm(self):
        page = Page(self.browse("done/report.html", "--dump-dom"))
        # Walls have no id: one table a prompt, with a head and both arms.
        walls = [row for row in page.tables[None] if row[0] in ("loop", "slower")]
        self.assertGreaterEqual(len(walls), 2)
        self.assertEqual({len(row) for row in walls}, {len(walls[0])})
        pictures = [a for tag, a in page.attributes if tag == "img"]
        self.assertTrue(pictures)
        self.assertTrue(all(a["src"].startswith("data:image/png;base64,iVBOR") for a in pictures))

    def test_it_renders_light_dark_and_narrow(self):
        for scheme, size in ((LIGHT, "1280,2400"), (DARK, "1280,2400"), (LIGHT, "500,1600")):
            with self.subTest(scheme=scheme, size=size):
                paper, rows = self.screenshot("done/report.html", "real.png", scheme, size)
                self.assertEqual(min(paper) > 200, scheme == LIGHT)
                self.assertGreater(rows, 600)

    def test_figures_are_pictures_of_their_own(self):
        if shutil.which("gnuplot") is None:
            self.assertFalse((self.done / "figures").exists())
            self.skipTest("gnuplot is not installed (apt-get install gnuplot-nox)")
        figures = sorted((self.done / "figures").iterdir())
        self.assertIn("reward-mean.svg", [figure.name for figure in figures])
        for figure in figures:
            root = xml.etree.ElementTree.parse(figure).getroot()
            self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
            words = {element.text for element in root.iter() if (element.text or "").strip()}
            self.assertLessEqual({"loop", "slower", "images trained on"}, words)
        paper, rows = self.screenshot("done/figures/reward-mean.svg", "figure.png", DARK, "800,340")
        self.assertEqual(paper, b"\xff\xff\xff", "figures stay white in the dark")
        self.assertGreater(rows, 150)


if __name__ == "__main__":
    if BROWSER is None:
        print("skipped: no Chromium is installed (apt-get install chromium)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
