"""SIGTERM and SIGINT at every activity: a checkpoint, exit 143 or 130, and a resumed run like the
straight one; a second signal stops at once.

    signal_test.py BINARY MAKE_WORLD SHIM [--only NAME]

`operation/PART` moments are exact: the preloaded shim stops the process before the operation, the
signal is sent, and the process goes on. `shown/PART` moments come when the progress bar shows the
word."""

import json
import random
import signal
import time

import faults
from faults import check
from kill_test import QUICK, SLOW

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
# An update of some seconds: a second signal must not wait for its end.
ENDLESS = [*SLOW, "learner.inner_epochs=400"]
# What the run does on its files, by the nth call of an operation on a part of a path.
OPERATIONS = [("the creation of the run directory", "mkdir:/samples:1"),
              ("the creation of the run directory", "rename:/config.yaml:1"),
              ("the first picture", "write:/samples/:1"),
              ("an evaluation's line", "write:/evaluations.jsonl:2"),
              ("samples' lines", "write:/samples.jsonl:1"),
              ("a metrics line", "write:/metrics.jsonl:3"),
              ("a checkpoint", "mkdir:/checkpoints/.unfinished:2"),
              ("a checkpoint", "write:.safetensors:3"),
              ("a checkpoint", "rename:-> {run}/checkpoints/00000003:1"),
              ("pruning", "unlink:/checkpoints/:2"),
              ("the last checkpoint", "rename:-> {run}/checkpoints/00000004:1")]


def go_on(process, *signals):
    for signum in (*signals, signal.SIGCONT):
        process.send_signal(signum)


def check_stopped(process, code):
    check(process.wait() == code, f"exit {process.returncode}, not {code}")


def check_checkpoint(run):
    """The newest checkpoint is of the iteration that the log ends with."""
    log = run / "metrics.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    if lines:
        last = f"{json.loads(lines[-1])['iteration']:08}"
        newest = max(faults.checkpoints_of(run), default="none")
        check(newest == last, f"the newest checkpoint is {newest}, the log ends with {last}")


def straight_run(machine, name, settings):
    straight = machine.directory / name
    result = machine.call(machine.train(straight, settings))
    check(result.returncode == 0, result.stderr)
    return straight


def finish(machine, straight, run, settings):
    check(not [name for name in faults.files_of(run) if ".unfinished-" in name],
          "a stopped run leaves nothing unfinished")
    check_checkpoint(run)
    machine.finish(run, settings)
    faults.check_equal(straight, run)


def signal_at_operations(machine, table, options):
    straight, run = straight_run(machine, "straight", QUICK), machine.directory / "cut"
    for name, at in OPERATIONS:
        for signum, code in SIGNALS:
            def moment():
                fault = at.format(run=run)
                process = machine.start(machine.train(run, QUICK), f"{fault}:stop")
                check(faults.wait_until_stopped(process), "ended before the operation")
                go_on(process, signum)
                # A signal during the last checkpoint finds nothing left to stop.
                last = "last" in name
                check_stopped(process, 0 if last else code)
                finish(machine, straight, run, QUICK)
            table.moment(f"signal during {name}", f"operation/{at}/{signum.name}", moment, run)


def second_signal_at_operations(machine, table, options):
    """Before an operation the first signal, before the next one the second."""
    straight, run = machine.directory / "straight2", machine.directory / "cut"
    operations, result = machine.operations(machine.train(run, QUICK), run)
    check(result.returncode == 0, result.stderr)
    run.rename(straight)
    for name, operation, part, nth in [("a checkpoint", "write", ".safetensors", 3),
                                       ("pruning", "unlink", "/checkpoints/", 1),
                                       ("an evaluation's line", "write", "/evaluations.jsonl", 2),
                                       ("a metrics line", "write", "/metrics.jsonl", 2)]:
        matching = [each for each in operations if each.name == operation and part in each.path]
        for signum, code in SIGNALS:
            def moment():
                fault = f"*:{run}:{matching[nth - 1].number}+:stop"
                process = machine.start(machine.train(run, QUICK), fault)
                for _ in range(2):
                    check(faults.wait_until_stopped(process), "ended before the second signal")
                    go_on(process, signum)
                check_stopped(process, code)
                machine.finish(run, QUICK)
                faults.check_equal(straight, run)
            table.moment(f"second signal during {name}", f"twice/{name}/{signum.name}", moment, run)


def signal_when_shown(machine, table, options):
    straight, run = straight_run(machine, "straight_slow", SLOW), machine.directory / "cut"
    for activity in ["sampling", "updating", "evaluating"]:
        for iteration, (signum, code) in enumerate(SIGNALS):
            def moment():
                with machine.on_terminal(machine.train(run, SLOW)) as (process, terminal):
                    terminal.wait_for(rf"{iteration}/3 [^\r]*{activity}", process)
                    process.send_signal(signum)
                    check_stopped(process, code)
                lines = (run / "metrics.jsonl").read_text().splitlines()
                # Updates are finished, a rollout or an evaluation is dropped.
                expected = iteration + (activity == "updating")
                check(len(lines) == expected, f"{len(lines)} iterations, not {expected}")
                finish(machine, straight, run, SLOW)
            table.moment(f"signal while {activity}", f"shown/{activity}/{signum.name}",
                         moment, run)


def second_signal_in_updates(machine, table, options):
    run = machine.directory / "cut"
    for signum, code in SIGNALS:
        def moment():
            with machine.on_terminal(machine.train(run, ENDLESS)) as (process, terminal):
                terminal.wait_for("updating", process)
                process.send_signal(signum)
                terminal.wait_for("updating", process)  # finishes the updates, as promised
                process.send_signal(signum)
                check_stopped(process, code)
            check(not (run / "metrics.jsonl").read_text(), "the second signal waited for the end")
        table.moment("second signal while updating", f"updating/{signum.name}", moment,
                     run)


def signal_at_start(machine, table, options):
    """Before the program listens the system ends it, which a shell reports as the same code."""
    straight, run = straight_run(machine, "straight3", QUICK), machine.directory / "cut"
    draw = random.Random(1)
    for number in range(6):
        signum, code = SIGNALS[number % 2]
        pause = draw.uniform(0, 0.3)

        def moment():
            process = machine.start(machine.train(run, QUICK))
            time.sleep(pause)
            process.send_signal(signum)
            check(process.wait() in (code, -signum, 0), f"exit {process.returncode}, not {code}")
            finish(machine, straight, run, QUICK)
        table.moment("signal while starting", f"start/{number}", moment, run)


if __name__ == "__main__":
    faults.run_script({"operation/": signal_at_operations, "twice/": second_signal_at_operations,
                       "shown/": signal_when_shown, "updating/": second_signal_in_updates,
                       "start/": signal_at_start}, faults.arguments(__doc__).parse_args())
