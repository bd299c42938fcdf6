"""What the scripts of this directory share: a tiny world, the real binary in it, faults to meet, and
the question whether a run that met them equals the one that did not. See docs/faults.md."""

import argparse
import collections
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

# What may differ between a run and its repetition: command line, start time, process.
NOT_COMPARED = {"run.json", ".lock"}
MEMORY = "/dev/shm"
NO_RUN = re.compile(r"is not a run directory|there is no such run directory")
Operation = collections.namedtuple("Operation", "number name bytes path")


class Failed(Exception):
    """A moment did not turn out as promised."""


def check(condition, message):
    if not condition:
        raise Failed(message)


def arguments(description):
    """BINARY MAKE_WORLD SHIM and the options that each script has."""
    parser = argparse.ArgumentParser(description=description)
    for name in ["binary", "make_world", "shim"]:
        parser.add_argument(name, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--only", default="", metavar="NAME",
                        help="moments whose name begins so")
    parser.add_argument("--keep", action="store_true", help="leave the files of failures behind")
    return parser


class Machine:
    """The binary, its world and a directory for runs, which goes when the script ends."""

    def __init__(self, options):
        self.binary, self.shim = options.binary, options.shim
        # In memory, where there is such a place: thousands of syncs wait for a busy disk otherwise.
        base = MEMORY if os.access(MEMORY, os.W_OK) else None
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="loopline_faults_", dir=base))
        self.world = self.directory / "world"
        subprocess.run([options.make_world, self.world], check=True)
        self.config = self.world / "run.yaml"

    def environment(self, fault=None, log=None):
        # With the wait policy set the program does not start itself again.
        variables = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
        variables.pop("LD_PRELOAD", None)
        if fault:
            variables.update(LD_PRELOAD=str(self.shim), LOOPLINE_FAULT=fault)
        if log:
            variables["LOOPLINE_FAULT_LOG"] = str(log)
        return variables

    def train(self, run, settings):
        words = [word for setting in settings for word in ("--set", setting)]
        return [self.binary, "train", self.config, "--run", run, *words]

    def resume(self, run, settings=()):
        words = [word for setting in settings for word in ("--set", setting)]
        return [self.binary, "resume", run, *words]

    def call(self, command, fault=None, log=None, prefix=()):
        """Runs a command to its end, whatever that is."""
        return subprocess.run([*prefix, *map(str, command)], capture_output=True, text=True,
                              env=self.environment(fault, log), errors="replace")

    def start(self, command, fault=None, log=None, terminal=None):
        """Starts a command; `terminal`, a Terminal, becomes its standard error."""
        return subprocess.Popen([*map(str, command)], env=dict(self.environment(fault, log),
                                                               TERM="xterm"),
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=terminal.slave if terminal else subprocess.DEVNULL)

    @contextlib.contextmanager
    def on_terminal(self, command):
        """A command that shows its progress bar on a Terminal, and that terminal. It is killed at
        the end of the block if it still runs."""
        terminal = Terminal()
        process = self.start(command, terminal=terminal)
        try:
            yield process, terminal
        finally:
            process.kill()
            process.wait()
            terminal.close()

    def operations(self, command, run):
        """What the command does to `run`'s files, in order, and the finished process."""
        log = self.directory / "operations"
        log.unlink(missing_ok=True)
        result = self.call(command, f"*:{run}:0:count", log)
        lines = log.read_text().splitlines() if log.exists() else []
        return [Operation(int(number), name, int(size), path) for number, name, size, path in
                (line.split(" ", 3) for line in lines)], result

    def finish(self, run, settings):
        """What a user does after a fault: resumes; or, when it came before the directory was a run,
        starts the run again in the same directory. Returns standard error."""
        result = self.call(self.resume(run))
        if result.returncode == 2 and NO_RUN.search(result.stderr):
            result = self.call(self.train(run, settings))
        check(result.returncode == 0,
              f"cannot go on: exit {result.returncode}: {result.stderr.strip()[-400:]}")
        return result.stderr


class Terminal:
    """A pseudo-terminal to read a progress bar from."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 200, 0, 0))
        os.set_blocking(self.master, False)
        self.text = ""

    def read(self):
        try:
            self.text += os.read(self.master, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            pass
        return self.text

    def wait_for(self, pattern, process, seconds=120):
        """Until the bar, read anew from here on, shows `pattern`."""
        self.read()
        self.text = ""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.read()):
            check(process.poll() is None, f"ended before its bar showed '{pattern}'")
            check(time.monotonic() < deadline, f"the bar never showed '{pattern}'")
            time.sleep(0.002)

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def wait_until_stopped(process):
    """True when the shim has stopped the process, False when it has ended instead."""
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    if os.WIFSTOPPED(status):
        return True
    process.returncode = os.waitstatus_to_exitcode(status)
    return False


def files_of(run):
    return {str(path.relative_to(run)) for path in run.rglob("*") if path.is_file()}


def without_times(text):
    lines = []
    for line in text.splitlines():
        values = json.loads(line)
        lines.append({key: value for key, value in values.items()
                      if not key.startswith(("time/", "memory/"))})
    return lines


def some(names):
    names = sorted(names)
    return names if len(names) < 8 else [*names[:7], f"{len(names) - 7} more"]


def check_equal(straight, run):
    """Bit for bit, but for times; a damaged checkpoint may lie beside."""
    expected = files_of(straight)
    found = {name for name in files_of(run) if ".damaged" not in name}
    check(expected == found, f"missing files: {some(expected - found)}; "
                             f"files too many: {some(found - expected)}")
    for name in sorted(expected - NOT_COMPARED):
        one, other = (straight / name).read_bytes(), (run / name).read_bytes()
        if name == "metrics.jsonl":
            one, other = without_times(one.decode()), without_times(other.decode())
        check(one == other, f"{name} differs from the straight run's")


def checkpoints_of(run):
    """Name of each checkpoint -> bytes of its files."""
    directory = run / "checkpoints"
    if not directory.is_dir():
        return {}
    return {path.name: {file.name: file.read_bytes() for file in path.iterdir()}
            for path in directory.iterdir() if re.fullmatch(r"\d{8}", path.name)}


def check_failed(result, named, code=1):
    """One clear line that names the file, and the exit code."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("loopline: ")]
    check(result.returncode == code,
          f"exit {result.returncode}, not {code}: {result.stderr.strip()[-400:]}")
    check(len(lines) == 1 and str(named) in lines[0] and "internal error" not in lines[0],
          f"no single line that names {named}: {result.stderr.strip()[-600:]}")


class Table:
    """Moments tried, by fault: the outcome of each, and the table at the end."""

    def __init__(self, options):
        self.options = options
        self.rows = collections.OrderedDict()
        self.failures = []
        self.started = time.monotonic()

    def wants(self, name):
        return name.startswith(self.options.only)

    def skip(self, fault, reason):
        self.rows.setdefault(fault, [0, 0, ""])[2] = f"skipped: {reason}"

    def moment(self, fault, name, action, run=None, tried=1):
        """Runs action(), which tries `tried` moments; it may return a note for the table. `run` is
        removed unless it failed and is to be kept."""
        if not self.wants(name):
            return
        row = self.rows.setdefault(fault, [0, 0, ""])
        row[0] += tried
        if run is not None:  # a set-up that failed may have left one
            shutil.rmtree(run, ignore_errors=True)
        try:
            row[2] = action() or row[2]
        except Failed as failure:
            row[1] += 1
            self.failures.append((name, str(failure)))
            repeat = shlex.join(["python3", *sys.argv, "--only", name])
            print(f"FAILED {name}: {failure}\n  again: {repeat}", flush=True)
            if self.options.keep and run is not None and run.exists():
                run.rename(run.with_name("failed_" + name.replace("/", "_")))
        if run is not None:
            shutil.rmtree(run, ignore_errors=True)

    def broken(self, begin, failure):
        """Setting up failed."""
        self.failures.append((begin, str(failure)))
        print(f"FAILED {begin}, setting up: {failure}", flush=True)

    def finish(self):
        """Prints the table and returns the exit status."""
        width = max([len(fault) for fault in self.rows] + [5])
        print(f"\n{'fault':<{width}}  moments  outcome")
        for fault, (tried, failed, note) in self.rows.items():
            outcome = f"{failed} FAILED" if failed else "as promised" if tried else ""
            print(f"{fault:<{width}}  {tried:7}  {'; '.join(filter(None, [outcome, note]))}")
        tried = sum(row[0] for row in self.rows.values())
        print(f"{tried} moments, {len(self.failures)} failed, "
              f"{time.monotonic() - self.started:.0f} s")
        return 1 if self.failures or not tried else 0


def run_script(parts, options):
    """Each of `parts`, part(machine, table, options) by how the names of its moments begin, in one
    world; ends the program."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # by way of `finally`
    machine = Machine(options)
    table = Table(options)
    try:
        for begin, part in parts.items():
            if not (begin.startswith(options.only) or options.only.startswith(begin)):
                continue
            try:
                part(machine, table, options)
            except Failed as failure:
                table.broken(begin, failure)
    finally:
        if not (options.keep and table.failures):
            shutil.rmtree(machine.directory, ignore_errors=True)
        else:
            print(f"files: {machine.directory}")
    sys.exit(table.finish())
