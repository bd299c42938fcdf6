"""How fast logs are valued: Loopline and Python's packages on the same files, one thread each.

    ninja -C build/release loopline bandit_read
    python benchmarks/bandit_speed.py build/release/bin
    python benchmarks/bandit_speed.py build/release/bin --rows 10000000 --formats columns

The log is drawn from a softmax policy over 10 actions and 10 numbers of context, and written as CSV and as a
columns file; another softmax policy is valued. Each row of the table is a process of its own; figures are
processor seconds (user and system), those of the fastest of --repeats runs that take turns, and the largest
resident memory. `start` is loading the program, or the interpreter with its packages. The sides must agree on
every value.

    loopline   the program; `start` is that of --version, `read` bandit_read's time for one pass, times the
               task's passes, and `estimate` all that is left
    numpy      arrays [rows, actions], as Open Bandit Pipeline has them; reads with pyarrow, or numpy's fromfile
    obp        the package's estimators on numpy's arrays and model (it has to be installed)
    coba, vw   rates on 100,000 rows that are in memory already (they have to be installed)

Needs numpy, and pyarrow for CSV. Open Bandit Pipeline 0.5.7 needs Python 3.10 at most and imports PyTorch,
Matplotlib and others that its estimators do not use: those that are missing are replaced by nothing."""

import argparse
import importlib.util
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile
import time

ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_NUM_THREADS")}
ACTIONS, FEATURES, FOLDS, RESAMPLES = 10, 10, 5, 200
CONTEXT = [f"x{i}" for i in range(FEATURES)]
NAMES = ["action", "reward", "propensity", *CONTEXT]
TASKS = {  # settings of Loopline, and how often it reads the log
    "ips, snips": (["estimators=[ips, snips]"], 1),
    "ips, snips, dm, dr": (["estimators=[ips, snips, dm, dr]", "model.kind=ridge"], 3),
    "ips, snips, bootstrap": (["estimators=[ips, snips]", "interval.kind=bootstrap",
                               f"interval.resamples={RESAMPLES}"], 1),
}
TOLERANCE = 1e-9


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=pathlib.Path, help="the folder of loopline and bandit_read")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", choices=["csv", "columns"], default=["csv", "columns"])
    parser.add_argument("--memory", type=int, nargs="*", default=[], help="rows of further logs, for peak memory")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--small", type=int, default=100_000, help="rows for coba and vw (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, help="keeps the logs here; those that are there are taken")
    parser.add_argument("--side", choices=["write", "numpy", "obp", "coba", "vw"], help=argparse.SUPPRESS)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=pathlib.Path, help=argparse.SUPPRESS)
    return parser.parse_args()


# The log.

def softmax(scores):
    import numpy
    scores = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def policies():
    """Weights of the logging and of the valued policy, and of the chances of a reward."""
    import numpy
    draw = numpy.random.default_rng(1)
    logging = draw.normal(0, .3, (ACTIONS, FEATURES))
    return logging, logging + draw.normal(0, .15, (ACTIONS, FEATURES)), draw.normal(0, .05, (ACTIONS, FEATURES))


def safetensors(path, metadata, tensors):
    header, offset = {"__metadata__": metadata}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "I64" if array.dtype == "int64" else "F64", "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            array.tofile(file)


def encoding():
    return {"context": [{"name": name, "kind": "numeric"} for name in CONTEXT], "action": []}


def write_logs(folder, rows, formats):
    import numpy
    logging, valued, chances = policies()
    policy = {"temperature": 1, "encoding": encoding(), "action_names": [], "trained_on": []}
    safetensors(folder / "policy.safetensors", {"schema": "loopline.bandit.policy/1", "policy": json.dumps(policy)},
                {"weight": valued})
    paths = {kind: folder / f"log_{rows}.{'csv' if kind == 'csv' else 'safetensors'}" for kind in formats}
    draw = numpy.random.default_rng(2)
    context = numpy.round(draw.normal(size=(rows, FEATURES)), 6)
    action, propensity = numpy.empty(rows, "int64"), numpy.empty(rows)
    reward = numpy.empty(rows)
    for first in range(0, rows, 100_000):
        part = slice(first, min(first + 100_000, rows))
        p, n = softmax(context[part] @ logging.T), numpy.arange(part.stop - first)
        a = (p.cumsum(axis=1) < draw.random((len(n), 1))).sum(axis=1).clip(max=ACTIONS - 1)
        action[part], propensity[part] = a, p[n, a]
        reward[part] = draw.random(len(n)) < (.3 + context[part] @ chances.T)[n, a]
    if "columns" in paths:
        metadata = {"schema": "loopline.bandit.log/1", "fingerprint": f"bandit_speed {rows}",
                    "encoding": json.dumps(encoding()),
                    "names": json.dumps({"actions": [], "loggers": [], "action_count": ACTIONS})}
        safetensors(paths["columns"], metadata, {"action": action, "reward": reward, "propensity": propensity,
                                                 "context": context})
    if "csv" in paths:
        from pyarrow import csv, table
        csv.write_csv(table([action, reward.astype("int64"), propensity, *context.T], names=NAMES), paths["csv"])


def logs(arguments, folder, rows, formats):
    """Paths by format. Another process writes: a process's peak begins with that of the one that started it."""
    paths = {kind: folder / f"log_{rows}.{'csv' if kind == 'csv' else 'safetensors'}" for kind in formats}
    if not all(path.exists() for path in [folder / "policy.safetensors", *paths.values()]):
        measured([sys.executable, __file__, arguments.bin, "--side", "write", "--log", folder, "--rows", rows,
                  "--formats", *formats])
    return paths


# The sides in Python.

def read_log(path):
    """action, reward, propensity, context."""
    import numpy
    if path.suffix == ".csv":
        import pyarrow
        from pyarrow import csv
        pyarrow.set_cpu_count(1)
        read = csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False))
        column = {name: read[name].to_numpy() for name in NAMES}
        return (column["action"], column["reward"].astype(float), column["propensity"],
                numpy.column_stack([column[name] for name in CONTEXT]))
    with path.open("rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))

    def tensor(name):
        entry = header[name]
        begin, end = entry["data_offsets"]
        kind = numpy.int64 if entry["dtype"] == "I64" else numpy.float64
        return numpy.fromfile(path, kind, (end - begin) // 8, offset=8 + size + begin).reshape(entry["shape"])

    return tensor("action"), tensor("reward"), tensor("propensity"), tensor("context")


def ridge(action, reward, context):
    """Loopline's model (docs/bandit.md): by action, cross-fitted, [rows, actions]."""
    import numpy
    design = numpy.column_stack([numpy.ones(len(action)), (context - context.mean(axis=0)) / context.std(axis=0)])
    width, fold = design.shape[1], numpy.arange(len(action)) % FOLDS
    square, right = numpy.zeros((FOLDS, ACTIONS, width, width)), numpy.zeros((FOLDS, ACTIONS, width))
    for k in range(FOLDS):
        for a in range(ACTIONS):
            rows = (fold == k) & (action == a)
            part = design[rows]
            square[k, a], right[k, a] = part.T @ part, part.T @ reward[rows]
    predicted = numpy.empty((len(action), ACTIONS))
    for k in range(FOLDS):
        mean = reward[fold != k].mean()
        for a in range(ACTIONS):
            matrix = square[:, a].sum(axis=0) - square[k, a]
            vector = right[:, a].sum(axis=0) - right[k, a] - mean * matrix[0]
            predicted[fold == k, a] = mean + design[fold == k] @ numpy.linalg.solve(matrix + numpy.eye(width), vector)
    return predicted


def bootstrap_numpy(terms):
    import numpy
    draw = numpy.random.RandomState(0)
    means = [draw.choice(terms, size=len(terms)).mean() for _ in range(RESAMPLES)]
    return numpy.percentile(means, [2.5, 97.5])


def numpy_values(task, action, reward, propensity, context):
    import numpy
    policy = softmax(context @ policies()[1].T)
    row = numpy.arange(len(action))
    weight = policy[row, action] / propensity
    terms = {"ips": weight * reward, "snips": weight * reward / weight.mean()}
    if "dr" in task:
        predicted = ridge(action, reward, context)
        terms["dm"] = numpy.average(predicted, weights=policy, axis=1)
        terms["dr"] = weight * (reward - predicted[row, action]) + terms["dm"]
    for of_rows in terms.values():
        bootstrap_numpy(of_rows) if "bootstrap" in task else of_rows.std(ddof=1)
    return {name: float(of_rows.mean()) for name, of_rows in terms.items()}


def import_obp():
    """The package without those of its imports that are missing."""
    from unittest import mock
    for name in ("torch", "matplotlib", "seaborn", "pingouin", "pyieoe"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            for part in ("", ".nn", ".nn.functional", ".optim", ".utils", ".utils.data", ".pyplot"):
                sys.modules[name + part] = mock.MagicMock()
            sys.modules[name].utils.data.Dataset = sys.modules[name].nn.Module = object  # base classes
    from obp import ope
    return ope


def obp_values(task, action, reward, propensity, context):
    import numpy
    ope = import_obp()
    policy = softmax(context @ policies()[1].T)[:, :, None]
    estimators = {"ips": ope.InverseProbabilityWeighting(), "snips": ope.SelfNormalizedInverseProbabilityWeighting()}
    given = {"action": action, "reward": reward, "pscore": propensity, "action_dist": policy,
             "position": numpy.zeros(len(action), int)}
    if "dr" in task:
        estimators |= {"dm": ope.DirectMethod(), "dr": ope.DoublyRobust()}
        given["estimated_rewards_by_reg_model"] = ridge(action, reward, context)[:, :, None]
    values = {}
    for name, estimator in estimators.items():
        values[name] = float(estimator.estimate_policy_value(**given))
        if "bootstrap" in task:
            estimator.estimate_interval(**given, n_bootstrap_samples=RESAMPLES, random_state=0)
    return values


def coba_values(action, reward, propensity, context, policy):
    from coba.environments.filters import OpeRewards
    rows = [{"context": x, "action": a, "reward": r, "probability": p}
            for x, a, r, p in zip(context.tolist(), action.tolist(), reward.tolist(), propensity.tolist())]
    start, total = time.process_time(), 0.
    for row, chances in zip(OpeRewards("IPS").filter(rows), policy.tolist()):
        total += sum(p * row["rewards"](a) for a, p in enumerate(chances))
    return {"ips": total / len(rows)}, time.process_time() - start


def vw_values(action, reward, propensity, context, policy):
    """vw-estimators, which Vowpal Wabbit's tutorials value policies with: its snips."""
    import numpy
    from estimators.bandits import snips
    chosen = policy[numpy.arange(len(action)), action].tolist()
    rows = list(zip(propensity.tolist(), reward.tolist(), chosen))
    start = time.process_time()
    estimator = snips.Estimator()
    for row in rows:
        estimator.add_example(*row)
    return {"snips": estimator.get()}, time.process_time() - start


def run_side(arguments):
    import numpy  # noqa: all imports belong to the start
    if arguments.log.suffix == ".csv":
        from pyarrow import csv  # noqa
    if arguments.side == "obp":
        import_obp()
    started = start = time.process_time()
    log = read_log(arguments.log)
    read = time.process_time() - start
    if arguments.side in ("coba", "vw"):
        log = [part[:arguments.small] for part in log]
        values, seconds = {"coba": coba_values, "vw": vw_values}[arguments.side](*log, softmax(log[3] @ policies()[1].T))
    else:
        start = time.process_time()
        values = {"numpy": numpy_values, "obp": obp_values}[arguments.side](arguments.task, *log)
        seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"values": values, "start": started, "read": read, "estimate": seconds, "peak": peak}))


# The program.

def measured(command):
    """What it prints, its processor seconds and its peak in MiB."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bandit_speed: {' '.join(map(str, command))}: exit status {process.returncode}")
    return printed, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def loopline(arguments, folder, log, task):
    columns = log.suffix != ".csv"
    log_lines = "" if columns else ("  action: action\n  reward: {column: reward}\n  propensity: propensity\n"
                                    f"  context: [{', '.join(CONTEXT)}]\n  actions: {ACTIONS}\n")
    config = folder / "estimate.yaml"
    config.write_text(f"log:\n  files: [{log.name}]\n{log_lines}"
                      "policy: {kind: softmax, file: policy.safetensors}\nthreads: 1\n")
    settings, passes = TASKS[task]
    command = [arguments.bin / "loopline", "bandit", "estimate", config, "--json"]
    printed, seconds, peak = measured(command + [part for line in settings for part in ("--set", line)])
    reader = [arguments.bin / "bandit_read", log, *([] if columns else CONTEXT)]
    read = passes * float(measured(reader)[0].split()[1])
    values = {estimate["name"]: estimate["value"] for estimate in json.loads(printed)["estimates"]}
    start = measured([arguments.bin / "loopline", "--version"])[1]
    return {"values": values, "start": start, "read": read, "estimate": seconds - start - read, "peak": peak}


def in_python(arguments, log, side, task="ips, snips"):
    command = [sys.executable, __file__, arguments.bin, "--side", side, "--task", task, "--log", log,
               "--small", arguments.small]
    return json.loads(measured(command)[0])


def compare(arguments, folder, log, sides):
    for task in TASKS:
        found = {side: [] for side in sides}
        for _ in range(arguments.repeats):
            for side in sides:
                found[side].append(loopline(arguments, folder, log, task) if side == "loopline"
                                   else in_python(arguments, log, side, task))
        ours = None
        for side, runs in found.items():
            for name, value in runs[0]["values"].items():
                expected = found["loopline"][0]["values"][name]
                if abs(value - expected) > TOLERANCE:
                    sys.exit(f"bandit_speed: {name} is {value} by {side} and {expected} by loopline")
            best = min(runs, key=lambda run: run["read"] + run["estimate"])
            total = best["read"] + best["estimate"]
            ours = ours or total
            kind = "csv" if log.suffix == ".csv" else "columns"
            print(f"| {task} | {kind} | {side} | {best['start']:.2f} | {best['read']:.2f} | {best['estimate']:.2f} | {total:.2f} "
                  f"| {total / ours:.1f} | {best['peak']:.0f} |", flush=True)


def main():
    arguments = parse_arguments()
    if arguments.side == "write":
        return write_logs(arguments.log, arguments.rows, arguments.formats)
    if arguments.side:
        return run_side(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sides = ["loopline", "numpy"] + ["obp"] * (importlib.util.find_spec("obp") is not None)
        paths = logs(arguments, folder, arguments.rows, arguments.formats)
        print(f"{arguments.rows} rows\n\n| task | file | by | start, s | read, s | estimate, s | read and estimate, s | times ours | peak, MiB |\n"
              "| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
        for log in paths.values():
            compare(arguments, folder, log, sides)
        log = next(iter(paths.values()))
        print()
        for side, module in {"coba": "coba", "vw": "estimators"}.items():
            if importlib.util.find_spec(module):
                seconds = min(in_python(arguments, log, side)["estimate"] for _ in range(arguments.repeats))
                print(f"{side}: {min(arguments.small, arguments.rows) / seconds:.3g} rows a second", flush=True)
        for rows in arguments.memory:
            path = logs(arguments, folder, rows, ["columns"])["columns"]
            for task in TASKS:
                peaks = {side: (loopline(arguments, folder, path, task) if side == "loopline"
                                else in_python(arguments, path, side, task))["peak"] for side in sides}
                print(f"| {task} | {rows} | " + " | ".join(f"{peak:.0f}" for peak in peaks.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
