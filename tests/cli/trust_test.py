"""What --trust allows, on the real binary: trust_test.py LOOPLINE SOURCE_DIR."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

BINARY, SOURCE = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()


def call(*arguments):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)


def rewrite(path, old, new):
    """Changes the code of a TorchScript archive."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    assert any(old.encode() in content for content in records.values())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            code = name.endswith(".py")
            archive.writestr(name, content.replace(old.encode(), new.encode()) if code else content)


class Trust(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)
        self.bundle, self.marker = self.directory / "bundle", self.directory / "marker"
        shutil.copytree(SOURCE / "models/emoji", self.bundle)
        self.decoder = self.bundle / "decoder.ts"
        call_shuffle = "return torch.pixel_shuffle("
        rewrite(self.decoder, call_shuffle, f'torch.save(latents, "{self.marker}")\n    {call_shuffle}')

    def sample(self, *options):
        return call("sample", self.bundle, "--prompt", "a red heart", "--count", 1, "--steps", 1,
                    "--out", self.directory / "picture.png", *options)

    def assert_refused(self, result):
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn("decoder.ts: code/__torch__/emoji_world/export.py:", result.stderr)
        self.assertIn("aten::save", result.stderr)
        self.assertIn("--trust aten::save", result.stderr)

    def test_a_file_that_writes_files_is_refused_before_it_runs(self):
        self.assert_refused(call("inspect", self.decoder))
        self.assert_refused(call("inspect", self.bundle))
        self.assert_refused(self.sample())
        self.assert_refused(self.sample("--trust", "aten::from_file", "--trust", "__setstate__"))
        self.assertFalse(self.marker.exists())

    def test_trust_stands_before_or_behind_the_command_and_is_warned_of(self):
        for words in [["--trust", "aten::save", "inspect", self.decoder],
                      ["inspect", "--trust", "aten::save", self.decoder],
                      ["inspect", self.decoder, "--trust", "__setstate__", "--trust", "aten::save"]]:
            result = call(*words)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn("trusted: aten::save", result.stdout)
            self.assertIn("warning: ", result.stderr)
            self.assertIn("aten::save", result.stderr)
        self.assertFalse(self.marker.exists(), "inspecting calls no network")

    def test_the_refused_sample_would_have_written_its_file(self):
        result = self.sample("--trust", "aten::save")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(self.marker.exists())

    def test_no_file_can_trust_itself(self):
        config = self.directory / "run.yaml"
        config.write_text(f"base: {SOURCE / 'configs/emoji/loop.yaml'}\ntrust: [aten::save]\n")
        result = call("train", config, "--run", self.directory / "run", "--dry-run")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("unknown option 'trust'", result.stderr)

    def test_listed_networks_say_so(self):
        result = call("inspect", SOURCE / "models/emoji/rewards/judge")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"(?m)^operators: \d+, all listed$")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
