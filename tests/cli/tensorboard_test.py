"""TensorBoard event files of the real binary, read back by TensorBoard's own package.

    tensorboard_test.py BINARY MAKE_WORLD SHIM ENVIRONMENT [TEST]...

ENVIRONMENT is the Python environment with the packages of tests/requirements.txt; without it the exit
status is 77, skipped. Runs are killed at exact moments by the shim of tests/faults."""

import argparse
import json
import logging
import os
import pathlib
import shutil
import signal
import struct
import sys
import unittest
import zlib

HERE = pathlib.Path(__file__).resolve().parent
BINARY, MAKE_WORLD, SHIM, ENVIRONMENT = (pathlib.Path(path).resolve() for path in sys.argv[1:5])

if pathlib.Path(sys.prefix).resolve() != ENVIRONMENT:
    if not (ENVIRONMENT / ".complete").exists():
        print(f"skipped: no TensorBoard in {ENVIRONMENT}; scripts/test installs it when a Python package"
              " index can be reached")
        sys.exit(77)
    os.execv(ENVIRONMENT / "bin/python", [ENVIRONMENT / "bin/python", *sys.argv])

sys.path.insert(0, str(HERE.parent / "faults"))

import faults  # noqa: E402
import numpy as np  # noqa: E402
from tensorboard.backend.event_processing import event_accumulator  # noqa: E402
from tensorboard.backend.event_processing import plugin_event_accumulator  # noqa: E402
from tensorboard.util import tensor_util  # noqa: E402

# Beside each checkpoint an evaluation, and grids at other iterations than those.
SETTINGS = ["tensorboard=true", "iterations=7", "rollout.images=8", "checkpoint.every=3",
            "evaluation.every=3", "samples.every=2"]
EVERYTHING = event_accumulator.STORE_EVERYTHING_SIZE_GUIDANCE


def lines_of(log):
    return [json.loads(line) for line in log.read_text().splitlines()]


def logged(run):
    """Tag -> [(iteration, value)], as the run's logs have it."""
    tags = {}
    for log in ("metrics.jsonl", "evaluations.jsonl"):
        for line in lines_of(run / log):
            for tag, value in line.items():
                if tag == "iteration" or value is None:
                    continue
                if (log, tag) != ("evaluations.jsonl", "images/total"):
                    tags.setdefault(tag, []).append((line["iteration"], np.float32(value)))
    return tags


def events_of(run, purge=True):
    """By the reader for scripts: of the older forms, in which the events are written."""
    events = event_accumulator.EventAccumulator(
        str(run / "tensorboard"), size_guidance=EVERYTHING, purge_orphaned_data=purge)
    return events.Reload()


def shown_of(run):
    """By the reader behind the pages: everything is a tensor."""
    events = plugin_event_accumulator.EventAccumulator(
        str(run / "tensorboard"), size_guidance=EVERYTHING)
    return events.Reload()


def png_size(png):
    """Of an intact PNG: all its chunks, and as many pixels as it says."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    position, chunks, pixels = 8, [], b""
    while position < len(png):
        length, name = struct.unpack(">I4s", png[position:position + 8])
        content = png[position + 8:position + 8 + length]
        crc, = struct.unpack(">I", png[position + 8 + length:position + 12 + length])
        assert crc == zlib.crc32(name + content)
        pixels += content if name == b"IDAT" else b""
        chunks.append((name, content))
        position += 12 + length
    assert chunks[0][0] == b"IHDR" and chunks[-1] == (b"IEND", b"")
    width, height, depth, colour = struct.unpack(">IIBB", chunks[0][1][:10])
    assert (depth, colour) == (8, 2)
    assert len(zlib.decompress(pixels)) == height * (1 + 3 * width)
    return width, height


class TensorBoard(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        logging.getLogger("tensorboard").setLevel(logging.ERROR)  # each purge is a warning
        cls.machine = faults.Machine(
            argparse.Namespace(binary=BINARY, shim=SHIM, make_world=MAKE_WORLD))
        cls.addClassCleanup(shutil.rmtree, cls.machine.directory)
        cls.straight = cls.machine.directory / "straight"
        result = cls.machine.call(cls.machine.train(cls.straight, SETTINGS))
        assert result.returncode == 0, result.stderr

    def setUp(self):
        self.run_directory = self.machine.directory / "run"
        self.addCleanup(shutil.rmtree, self.run_directory, ignore_errors=True)

    def kill(self, fault):
        """Starts the run, or resumes it, and meets its end."""
        run = self.run_directory
        is_run = (run / "config.yaml").exists()
        command = self.machine.resume(run) if is_run else self.machine.train(run, SETTINGS)
        result = self.machine.call(command, fault)
        self.assertEqual(result.returncode, -signal.SIGKILL, result.stderr)

    def finish(self, *settings):
        result = self.machine.call(self.machine.resume(self.run_directory, settings))
        self.assertEqual(result.returncode, 0, result.stderr)

    def check(self, run, sessions):
        """Event files show what the logs hold, and the logs are those of the straight run."""
        self.assertEqual(len(list((run / "tensorboard").iterdir())), sessions)
        self.assertEqual(faults.without_times((run / "metrics.jsonl").read_text()),
                         faults.without_times((self.straight / "metrics.jsonl").read_text()))
        expected = logged(run)
        self.assertEqual(len(expected["reward/mean"]), 7)
        events, shown = events_of(run), shown_of(run)
        self.assertEqual(set(events.Tags()["scalars"]), set(expected))
        for tag, values in expected.items():
            self.assertEqual([(e.step, np.float32(e.value)) for e in events.Scalars(tag)], values, tag)
            tensors = [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in shown.Tensors(tag)]
            self.assertEqual(tensors, values, tag)
        self.check_grids(run, events, shown)
        self.check_config(run, shown)

    def check_grids(self, run, events, shown):
        files = {int(png.stem.split("_")[1]): png.read_bytes()
                 for png in sorted((run / "samples").iterdir())}
        self.assertEqual([image.step for image in events.Images("samples")], list(files))
        self.assertEqual([image.step for image in shown.Tensors("samples")], list(files))
        for image in events.Images("samples"):
            self.assertEqual(image.encoded_image_string, files[image.step])
            self.assertEqual((image.width, image.height), png_size(image.encoded_image_string))
            self.assertGreater(image.width, 4)

    def check_config(self, run, shown):
        self.assertEqual(list(shown.PluginTagToContent("text")), ["config"])
        latest = tensor_util.make_ndarray(shown.Tensors("config")[-1].tensor_proto)
        self.assertEqual(latest.shape, ())
        lines = latest.item().decode().splitlines()
        self.assertEqual([line[:4] for line in lines], ["    "] * len(lines))
        self.assertEqual("".join(f"{line[4:]}\n" for line in lines),
                         (run / "config.yaml").read_text())

    def test_a_run_in_one_go(self):
        self.check(self.straight, sessions=1)
        events = events_of(self.straight)
        self.assertEqual(events.file_version, 2)
        for tag in ("reward/mean", "eval/prompts/reward_low", "eval/prompts/reward_high"):
            self.assertIn(tag, events.Tags()["scalars"])

    def test_a_run_that_ended_and_goes_on(self):
        run = self.run_directory
        result = self.machine.call(self.machine.train(run, [*SETTINGS, "iterations=4"]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.finish("iterations=7")
        # Its first end had an evaluation and a grid of its own.
        self.assertIn(4, [line["iteration"] for line in lines_of(run / "evaluations.jsonl")])
        self.check(run, sessions=2)

    def test_a_run_stopped_by_a_signal(self):
        process = self.machine.start(self.machine.train(self.run_directory, SETTINGS),
                                     "write:/metrics.jsonl:5:stop")
        self.assertTrue(faults.wait_until_stopped(process))
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(), 143)
        self.finish()
        self.check(self.run_directory, sessions=2)

    def test_what_a_killed_run_logged_beyond_its_checkpoint_is_void(self):
        self.kill("write:/metrics.jsonl:6:kill")  # the checkpoint is of 3; 4 and 5 are logged
        self.kill("write:/metrics.jsonl:2:kill")  # 4 again
        self.finish()
        everything = events_of(self.run_directory, purge=False)
        steps = [event.step for event in everything.Scalars("reward/mean")]
        self.assertEqual(steps, [1, 2, 3, 4, 5, 3, 4, 3, 4, 5, 6, 7], "the test tests nothing")
        self.check(self.run_directory, sessions=3)

    def test_killed_before_the_first_checkpoint(self):
        self.kill("write:/metrics.jsonl:3:kill")
        self.finish()
        self.check(self.run_directory, sessions=2)

    def test_killed_between_a_log_and_its_event(self):
        run = self.run_directory
        self.kill("write:/evaluations.jsonl:2:kill-after")  # of 3, where the checkpoint is
        steps = [event.step for event in events_of(run).Scalars("eval/prompts/reward")]
        self.assertEqual(steps, [0], "the test tests nothing")
        self.finish()
        self.check(run, sessions=2)

    def test_killed_within_an_event(self):
        run = self.run_directory
        operations, result = self.machine.operations(self.machine.train(run, SETTINGS), run)
        self.assertEqual(result.returncode, 0, result.stderr)
        writes = [each for each in operations
                  if each.name == "write" and "/tensorboard/" in each.path]
        sizes = [each.bytes for each in writes]
        grid = sizes.index(max(sizes[4:]), 4)  # a grid, or the numbers, of a later iteration
        for victim in (0, 1, grid, len(writes) - 1):
            with self.subTest(victim):
                shutil.rmtree(run)
                self.kill(f"write:/tensorboard/:{victim + 1}:kill-half")
                torn, = (run / "tensorboard").iterdir()
                self.assertEqual(torn.stat().st_size, sum(sizes[:victim]) + sizes[victim] // 2)
                self.finish()
                self.check(run, sessions=2)

    def test_switched_on_later(self):
        run = self.run_directory
        result = self.machine.call(
            self.machine.train(run, [*SETTINGS, "tensorboard=false", "iterations=3"]))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertFalse((run / "tensorboard").exists())
        self.finish("tensorboard=true", "iterations=7")
        rewards = [(e.step, np.float32(e.value)) for e in events_of(run).Scalars("reward/mean")]
        self.assertEqual(rewards, logged(run)["reward/mean"][2:])

    def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(self):
        run = self.run_directory
        for nth in (1, 9):
            with self.subTest(nth):
                shutil.rmtree(run, ignore_errors=True)
                result = self.machine.call(self.machine.train(run, SETTINGS),
                                           f"write:/tensorboard/:{nth}+:ENOSPC")
                faults.check_failed(result, run / "tensorboard/events.out.tfevents.")
                self.finish()
                self.check(run, sessions=2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]])
