"""scripts/loopline and scripts/test in a made-up checkout whose cmake, ctest and python3 are recorders:
nothing is installed or built."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = '#!/bin/sh\necho "$PWD" "$@"\nexit 3\n'
# Configuring and building, as far as the scripts see it.
CMAKE = """#!/bin/bash
echo "$*" >>"$RECORD"
if [[ $1 == --preset ]]; then
  printf 'CMAKE_HOME_DIRECTORY:INTERNAL=%s\\n' "$PWD" >build/release/CMakeCache.txt
  touch build/release/build.ninja
  exit
fi
[[ -z $FAKE_SLOW ]] || { touch "$RECORD.started"; sleep 60; }
if grep -q broken src/a.cpp; then
  echo "src/a.cpp:1:1: error: broken"
  exit 1
fi
mkdir -p build/release/bin
cp "$RECORD.program" build/release/bin/loopline
"""
# The tests themselves, and a Python that makes environments of copies of itself.
CTEST = """#!/bin/bash
while [[ $1 != --output-junit ]]; do shift; done
echo '<testsuite tests="2" failures="0" skipped="1" disabled="0">' >"$2"
"""
PYTHON = """#!/bin/bash
case $1.$2 in
  -c.*) exit ;;
  -m.venv) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
  -m.pip) [[ -z $FAKE_SLOW ]] || { touch "$RECORD.started"; sleep 60; } ;;
esac
echo "$2 ${*: -1}" >>"$RECORD.python"
[[ $2 != "$FAKE_FAILURE" ]]
"""


class SetupScripts(unittest.TestCase):
    def setUp(self):
        self.top = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.top)
        self.root = self.top / "check out"
        self.record = self.top / "calls"
        shutil.copytree(SOURCE / "scripts/lib", self.root / "scripts/lib")
        for name in ("loopline", "test"):
            shutil.copy2(SOURCE / "scripts" / name, self.root / "scripts" / name)
        self.write(self.root / "third_party/libtorch.txt", "torch==0\n")
        self.write(self.root / "tests/requirements.txt", "reader==1\n")
        for name in ("CMakeLists.txt", "CMakePresets.json", "src/a.cpp", "include/a.h"):
            self.write(self.root / name, "")
        self.write(self.top / "torch/lib/libtorch_cpu.so", "")
        self.write(self.top / "calls.program", PROGRAM, executable=True)
        for name, text in (("cmake", CMAKE), ("ctest", CTEST), ("python3", PYTHON)):
            self.write(self.top / "bin" / name, text, executable=True)
        # All packages are there, as far as the scripts can see.
        self.write(
            self.top / "bin/dpkg-query",
            '#!/bin/sh\nshift 2\nfor name; do printf "%s=installed " "$name"; done\n',
            executable=True,
        )
        self.environment = {
            **os.environ,
            "PATH": f"{self.top}/bin:{os.environ['PATH']}",
            "RECORD": str(self.record),
            "FAKE_SLOW": "",
            "FAKE_FAILURE": "",
            "LOOPLINE_TORCH_ROOT": str(self.top / "torch"),
        }
        self.environment.pop("LOOPLINE_CUDA", None)

    def write(self, path, text, executable=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if executable else 0o644)

    def run_tests(self, **extra):
        """What scripts/test says on its last line of output, and on standard error."""
        result = self.run_script(script=self.root / "scripts/test", **extra)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()[-1], result.stderr

    def installed(self):
        """What was made in the environment of the tests since the last call."""
        path = pathlib.Path(f"{self.record}.python")
        text = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return [line.split()[0] for line in text.splitlines()]

    def run_script(self, *arguments, script=None, **extra):
        command = [script or self.root / "scripts/loopline", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.top,
            env={**self.environment, **extra},
        )

    def calls(self):
        text = self.record.read_text() if self.record.exists() else ""
        self.record.unlink(missing_ok=True)
        return ["configure" if "--preset" in line else "build" for line in text.splitlines()]

    def test_program_gets_arguments_and_directory_and_gives_its_status(self):
        result = self.run_script("train", "a b")
        self.assertEqual(result.stdout, f"{self.top} train a b\n", result.stderr)
        self.assertEqual(result.returncode, 3)
        self.assertEqual(self.calls(), ["configure", "build"])

    def test_second_call_runs_nothing_else_and_says_nothing(self):
        self.run_script()
        self.calls()
        result = self.run_script("x")
        self.assertEqual((result.stdout, result.stderr), (f"{self.top} x\n", ""))
        self.assertEqual(self.calls(), [])

    def test_changed_new_and_removed_sources_are_built(self):
        self.run_script()
        self.calls()
        new = self.root / "src/new.cpp"
        for change in (
            lambda: (self.root / "src/a.cpp").write_text("int a;"),
            lambda: os.utime(self.root / "include/a.h", (1, 1)),
            lambda: new.write_text(""),
            new.unlink,
        ):
            change()
            self.run_script()
            self.assertEqual(self.calls(), ["build"])

    def test_link_to_the_script(self):
        link = self.top / "link"
        link.symlink_to(self.root / "scripts/loopline")
        self.assertEqual(self.run_script("y", script=link).stdout, f"{self.top} y\n")

    def test_failed_build_is_one_line_and_tried_again(self):
        (self.root / "src/a.cpp").write_text("broken")
        for _ in range(2):
            result = self.run_script()
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn("building failed: src/a.cpp:1:1: error: broken", result.stderr)
        self.assertEqual(self.calls(), ["configure", "build", "build"])

    def test_stopped_build_ends_at_once_and_goes_on_next_time(self):
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(
                [self.root / "scripts/loopline"], stderr=subprocess.PIPE, text=True,
                env={**self.environment, "FAKE_SLOW": "1"},
            )
            started = self.top / "calls.started"
            while not started.exists() and process.poll() is None:
                time.sleep(0.01)
            started.unlink()
            process.send_signal(signal_number)
            _, errors = process.communicate(timeout=30)
            self.assertEqual(process.returncode, -signal_number)
            self.assertIn("stopped while setting up", errors)
        self.calls()
        self.assertEqual(self.run_script().returncode, 3)
        self.assertEqual(self.calls(), ["build"])

    def test_two_at_once_build_once(self):
        processes = [
            subprocess.Popen([self.root / "scripts/loopline"], env=self.environment,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        self.assertEqual([process.wait() for process in processes], [3, 3])
        self.assertEqual(self.calls(), ["configure", "build"])

    def test_moved_checkout_is_configured_afresh(self):
        self.run_script()
        self.calls()
        self.root = self.root.rename(self.top / "moved")
        self.assertEqual(self.run_script().returncode, 3)
        self.assertEqual(self.calls(), ["configure", "build"])

    def test_packages_of_the_tests_are_installed_once_and_when_they_change(self):
        requirements = self.root / "tests/requirements.txt"
        self.assertEqual(self.run_tests()[0], "1 passed, 0 failed, 1 skipped")
        self.assertEqual(self.installed(), ["venv", "pip"])
        self.run_tests()
        self.assertEqual(self.installed(), [])
        requirements.write_text("reader==2\n")
        self.run_tests()
        self.assertEqual(self.installed(), ["venv", "pip"])

    def test_the_program_alone_needs_no_packages_of_the_tests(self):
        self.run_script()
        self.assertEqual(self.installed(), [])

    def test_packages_that_cannot_be_installed_are_a_note_and_tried_again(self):
        for step in ("venv", "pip"):
            summary, errors = self.run_tests(FAKE_FAILURE=step)
            self.assertEqual(summary, "1 passed, 0 failed, 1 skipped")
            self.assertEqual(errors.count("could not be installed"), 1, errors)
            self.assertFalse((self.root / ".deps/test_env/.complete").exists())
        self.installed()
        self.assertNotIn("could not", self.run_tests()[1])
        self.assertEqual(self.installed(), ["venv", "pip"])

    def test_interrupted_installation_of_packages_starts_over(self):
        process = subprocess.Popen(
            [self.root / "scripts/test"], stderr=subprocess.PIPE, text=True,
            env={**self.environment, "FAKE_SLOW": "1"},
        )
        started = self.top / "calls.started"
        while not started.exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertIn("stopped while setting up", errors)
        self.assertEqual(self.installed(), ["venv"])
        self.run_tests()
        self.assertEqual(self.installed(), ["venv", "pip"])

    def test_wrong_torch_root_is_one_line(self):
        result = self.run_script(LOOPLINE_TORCH_ROOT="/nowhere/torch")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"\Aloopline: .*has no lib/libtorch_cpu.so\n\Z")


if __name__ == "__main__":
    unittest.main()
