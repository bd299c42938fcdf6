"""Memory of a long run is flat, whatever its logs grow to; resuming it costs little.

    memory_test.py BINARY MAKE_WORLD SHIM [--iterations N]

Resident memory (VmRSS) is read after iteration 200 and then every 100; the slope of the line through
these points is what a run would gain an iteration."""

import os
import re
import statistics
import time

import faults
from faults import check

FIRST, STEP = 200, 100
# 1,800 iterations would gain under 1 MiB, of more than 200 MiB; a thing kept of each iteration's 16
# images, say their lines of samples.jsonl, gains five times that.
MOST_KIB_AN_ITERATION = 0.5
SETTINGS = ["rollout.images=16", "rollout.micro_batch=16", "checkpoint.every=100",
            "samples.every=500", "evaluation.every=500", "sample_log.every=1"]


def resident_kib(process):
    """VmRSS and the part of it that is no file's."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        text = file.read()
    found = [re.search(rf"{name}:\s+(\d+) kB", text) for name in ("VmRSS", "RssAnon")]
    return [int(match[1]) for match in found] if all(found) else None


def watch(process, log):
    """(iteration, VmRSS, RssAnon) of the points to look at."""
    points, lines, wanted = [], 0, FIRST
    while process.poll() is None and not log.exists():
        time.sleep(0.01)
    with open(log, encoding="utf-8") as file:
        while process.poll() is None:
            lines += file.read().count("\n")
            if lines >= wanted:
                sizes = resident_kib(process)
                if sizes:
                    points.append((lines, *sizes))
                wanted = (lines // STEP + 1) * STEP
            time.sleep(0.005)
    return points


def stay_flat(machine, table, options):
    run = machine.directory / "run"

    def moment():
        begun = time.monotonic()
        process = machine.start(machine.train(run, [*SETTINGS, f"iterations={options.iterations}"]))
        points = watch(process, run / "metrics.jsonl")
        seconds = time.monotonic() - begun
        check(process.wait() == 0, f"exit {process.returncode}")
        expected = (options.iterations - FIRST) // STEP
        check(len(points) >= 0.8 * expected, f"only {len(points)} points of {expected}")
        print("iteration  VmRSS KiB  RssAnon KiB")
        for iteration, resident, anonymous in points:
            print(f"{iteration:9}  {resident:9}  {anonymous:11}")
        iterations, resident, anonymous = zip(*points)
        slope = statistics.linear_regression(iterations, resident).slope
        of_anonymous = statistics.linear_regression(iterations, anonymous).slope
        print(f"slope: VmRSS {slope:.4f} KiB an iteration, RssAnon {of_anonymous:.4f}; "
              f"the bound is {MOST_KIB_AN_ITERATION}")
        logs = sum(file.stat().st_size for file in run.glob("*.jsonl"))
        print(f"logs: {logs} bytes; {seconds:.0f} s")
        check(slope < MOST_KIB_AN_ITERATION, f"memory grows: {slope:.3f} KiB an iteration")

        begun = time.monotonic()
        process = machine.start(machine.resume(run, [f"iterations={options.iterations + 1}"]))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        again = time.monotonic() - begun
        check(process.returncode == 0, f"resume: exit {process.returncode}")
        print(f"one iteration more by resume: {again:.1f} s, at most {usage.ru_maxrss} KiB")
        check(again < seconds / 5, f"resuming takes {again:.1f} s, the run took {seconds:.1f} s")
        most = 1.1 * max(resident)  # logs are not read whole
        check(usage.ru_maxrss < most, f"resuming takes {usage.ru_maxrss} KiB, more than {most:.0f}")
        return (f"{slope:.3f} KiB an iteration, {min(resident) / 1024:.0f} to "
                f"{max(resident) / 1024:.0f} MiB")
    table.moment(f"{options.iterations} iterations", "memory", moment, run)


if __name__ == "__main__":
    parser = faults.arguments(__doc__)
    parser.add_argument("--iterations", type=int, default=2000)
    faults.run_script({"memory": stay_flat}, parser.parse_args())
