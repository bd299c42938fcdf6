"""Pages as parsed markup, and in a real browser where one is installed: for the tests of pages."""

import html.parser
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

BROWSER = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
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

    def assert_fits_a_phone(self, page):
        """Tables scroll inside; the page itself does not. A frame is as narrow as is asked for."""
        frame = self.directory / "frame.html"
        frame.write_text(f"""<iframe src="{page}" style="width:390px;height:800px"></iframe>
<p></p><script>onload = () => {{ const root = frames[0].document.documentElement;
document.querySelector("p").textContent = `${{root.scrollWidth}} in ${{root.clientWidth}}`; }}</script>""")
        document = self.browse("frame.html", "--allow-file-access-from-files", "--dump-dom")
        inner, outer = document.split("<p>")[1].split("</p>")[0].split(" in ")
        self.assertLessEqual(int(inner), int(outer))
