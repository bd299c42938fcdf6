"""The report page in a real browser:
report_page_test.py REPORT_TEST_BINARY LOOPLINE MAKE_TINY_WORLD.

The first binary's test writes pages of every kind, the real command one of runs in a tiny world.
Exit 77, skipped, where no Chromium is installed.
"""

import html.parser
import json
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
import zlib

BINARY, LOOPLINE, MAKE_WORLD = map(os.path.abspath, sys.argv[1:4])
BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
COMPARISON = """\
algorithms: [{name: loop, config: run.yaml}, {name: slower, config: run.yaml, set: [optimizer.lr=0.001]}]
seeds: [5, 6]
images: 64
set: [samples.every=2]
"""
DARK, LIGHT = "--blink-settings=preferredColorScheme=0", "--blink-settings=preferredColorScheme=1"
VOID = {"meta", "img", "input", "br", "wbr", "hr", "link", "line", "circle", "path", "polygon", "rect"}


class Page(html.parser.HTMLParser):
    """Tables by id as lists of rows of texts; attributes of all elements; nesting is checked."""

    def __init__(self, markup):
        super().__init__()
        self.tables, self.attributes, self.open, self.cells = {}, [], [], None
        self.feed(markup)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.attributes.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows = self.tables.setdefault(attributes.get("id"), [])
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.cells = self.rows[-1]

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        assert self.open.pop() == tag, tag
        if tag in ("td", "th"):
            self.cells = None

    def handle_data(self, text):
        if self.cells is not None:
            self.cells[-1] += text


def pixels(png):
    """Width, height, and the rows of a PNG without interlacing, 8 bits a channel."""
    data = png.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    channels = {2: 3, 6: 4}[colour]
    assert depth == 8 and data[28] == 0
    at, packed = 8, b""
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        if data[at + 4:at + 8] == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    return width, height, channels, zlib.decompress(packed)


def ends(png):
    """The first pixel (of paper), and how many rows are not of one colour."""
    width, height, channels, raw = pixels(png)
    stride = 1 + width * channels
    first = raw[1:4]
    # A row of one colour is filtered to a run of zeros behind its first pixel, or to nothing.
    busy = sum(any(raw[y * stride + 1 + channels:(y + 1) * stride]) for y in range(1, height))
    return first, busy


class InABrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)

    def browse(self, page, *options):
        """What a browser prints; it may complain about the machine, but not about the page."""
        profile = self.directory / "profile"
        result = subprocess.run(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
             f"--user-data-dir={profile}", *options, (self.directory / page).as_uri()],
            capture_output=True, text=True, timeout=120)
        shutil.rmtree(profile, ignore_errors=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([line for line in result.stderr.splitlines() if "CONSOLE" in line], [])
        return result.stdout

    def screenshot(self, page, name, scheme, size="1280,2400"):
        png = self.directory / name
        self.browse(page, scheme, f"--window-size={size}", f"--screenshot={png}")
        return ends(png)


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
        """Tables scroll inside; the page itself does not. A frame is as narrow as is asked for."""
        frame = self.directory / "frame.html"
        frame.write_text("""<iframe src="report.html" style="width:390px;height:800px"></iframe>
<p></p><script>onload = () => { const root = frames[0].document.documentElement;
document.querySelector("p").textContent = `${root.scrollWidth} in ${root.clientWidth}`; }</script>""")
        document = self.browse("frame.html", "--allow-file-access-from-files", "--dump-dom")
        inner, outer = document.split("<p>")[1].split("</p>")[0].split(" in ")
        self.assertLessEqual(int(inner), int(outer))

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
