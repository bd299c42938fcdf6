"""SIGKILL at every kind of moment: the run goes on and ends like one that was never killed.

    kill_test.py BINARY MAKE_WORLD SHIM [--random N] [--every-operation] [--seed S] [--only NAME]

Moments are named, and --only repeats them: `train/057.kill` dies before the 57th operation of a
training on its own files, `resume/012.kill-half` within the 12th of a resume, after half of its
bytes, `random/3` is the third chain of random kills, `shown/updating/1` dies while the progress bar
shows that word."""

import itertools
import random
import re
import shutil
import signal
import time

import faults
from faults import check

# Small, and with everything on that a run writes.
QUICK = ["iterations=4", "rollout.images=8", "checkpoint.every=1", "checkpoint.keep=2",
         "evaluation.every=2", "sample_log.every=2", "sample_log.pictures=true"]
# Long enough that a kill is likely to meet work, not start-up.
LONG = ["iterations=60", "rollout.images=32", "checkpoint.every=3", "evaluation.every=5",
        "sample_log.every=4", "sample_log.pictures=true", "samples.every=7"]
# Each activity takes a few redraws of the bar.
SLOW = ["iterations=3", "rollout.images=1024", "sampler.steps=50", "learner.inner_epochs=4",
        "learner.timestep_fraction=0.025", "checkpoint.every=1", "evaluation.every=1",
        "evaluation.images_per_prompt=128"]


TEMPORARY = ".unfinished-"


def kind(operation):
    """What an operation is, whichever iteration's file it is on."""
    path = re.sub(r"\.unfinished-\d+-\d+", "TEMPORARY", operation.path)
    return operation.name, re.sub(r"\d+", "#", path)


def moments_of(operations, every, draw):
    """(operation, action): each operation, or one drawn of each kind and the last rename of each;
    writes also half done."""
    by_kind = {}
    for operation in operations:
        by_kind.setdefault(kind(operation), []).append(operation)
    chosen = {draw.choice(same) for same in by_kind.values()}
    chosen |= {same[-1] for (name, _), same in by_kind.items() if name == "rename"}
    for operation in sorted(operations if every else chosen):
        yield operation, "kill"
        if operation.name == "write" and operation.bytes > 1:
            yield operation, "kill-half"
        if operation.name == "rename":
            yield operation, "kill-after"
    yield operations[-1], "kill-after"


def every(options):
    return options.every_operation or options.only.startswith(("train/", "resume/"))


def area(operation, run):
    """The row of the table."""
    path = operation.path.replace(str(run), "")
    if operation.name in ("unlink", "rmdir") or re.search(r"checkpoints/\d+ -> ", path):
        return "pruning"
    for part, name in [("checkpoints/", "checkpoint"), (".png", "pictures"), ("pictures", "pictures"),
                       (".jsonl", "logs")]:
        if part in path:
            return name
    return "run directory"


def check_killed(result):
    check(result.returncode == -signal.SIGKILL,
          f"was not killed: exit {result.returncode}: {result.stderr.strip()[-400:]}")


def finish(machine, straight, run, settings):
    errors = machine.finish(run, settings)
    check("passed over" not in errors, f"a kill left a damaged checkpoint: {errors}")
    try:
        faults.check_equal(straight, run)
    except faults.Failed as failure:
        raise faults.Failed(f"{failure}; the last command said: {errors.strip()[-400:]}") from failure


def check_order(operations):
    """What a power cut needs, which a kill cannot show: contents are on the disk before their name
    is, and the name soon after."""
    unsynced, names = set(), set()
    for name, path in [(each.name, each.path) for each in operations]:
        if name == "write" and not path.endswith("/.lock") or name == "mkdir" and TEMPORARY in path:
            unsynced.add(path)
        elif name == "sync":
            unsynced.discard(path)
            names.discard(path)
        elif name == "rename":
            source, target = path.split(" -> ")
            if TEMPORARY in target.rpartition("/")[2]:
                continue  # a removal
            early = [each for each in unsynced if each.startswith(source)]
            check(not early, f"renamed before it was synced: {early}")
            names.add(target.rpartition("/")[0])
    check(not unsynced and not names, f"never synced: {sorted(unsynced | names)}")


def kill_in_training(machine, table, options):
    straight, run = machine.directory / "straight", machine.directory / "cut"
    train = machine.train(run, QUICK)
    operations, result = machine.operations(train, run)
    check(result.returncode == 0, result.stderr)
    run.rename(straight)
    table.moment("order of fsync and rename, for a power cut", "train/order",
                 lambda: check_order(operations))
    for operation, action in moments_of(operations, every(options), random.Random(options.seed)):
        def moment():
            check_killed(machine.call(train, f"*:{run}:{operation.number}:{action}"))
            finish(machine, straight, run, QUICK)
        table.moment(f"killed in training: {area(operation, run)}",
                     f"train/{operation.number:03}.{action}", moment, run)


def kill_in_resume(machine, table, options):
    """Of a run whose logs, with torn ends, are ahead of its checkpoint, and whose last checkpoint is
    damaged: resume cuts back and discards before it goes on."""
    straight, torn, run = (machine.directory / name for name in ["straight", "torn", "cut"])
    if not straight.exists():
        check(machine.call(machine.train(straight, QUICK)).returncode == 0, "the straight run")
    before_the_last = f"mkdir:{run}/checkpoints/.unfinished:4:kill"
    check_killed(machine.call(machine.train(run, QUICK), before_the_last))
    weights = run / "checkpoints/00000003/trainable.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    for log in ["metrics.jsonl", "samples.jsonl", "evaluations.jsonl"]:
        with open(run / log, "ab") as file:
            file.write(b'{"iteration": 4, "rew')
    run.rename(torn)
    shutil.copytree(torn, run)
    resume = machine.resume(run)
    operations, result = machine.operations(resume, run)
    check(result.returncode == 0, result.stderr)
    faults.check_equal(straight, run)
    shutil.rmtree(run)
    if not every(options):  # what follows the first picture is a training like any other
        operations = list(itertools.takewhile(lambda each: ".png" not in each.path, operations))
    for operation, action in moments_of(operations, every(options), random.Random(options.seed)):
        def moment():
            shutil.copytree(torn, run)
            check_killed(machine.call(resume, f"*:{run}:{operation.number}:{action}"))
            result = machine.call(resume)
            check(result.returncode == 0, f"cannot go on: {result.stderr.strip()[-400:]}")
            faults.check_equal(straight, run)
        table.moment(f"killed in resume: {area(operation, run)}",
                     f"resume/{operation.number:03}.{action}", moment, run)


def kill_at_random(machine, table, options):
    """Chains: killed, resumed, killed again; kills at times drawn over the whole run."""
    straight, run = machine.directory / "straight_long", machine.directory / "cut"
    before = time.monotonic()
    check(machine.call(machine.train(straight, LONG)).returncode == 0, "the straight run")
    seconds = time.monotonic() - before
    done = chain = 0
    while done < options.random:
        chain += 1
        draw = random.Random(f"{options.seed} {chain}")
        kills = min(1 + draw.randrange(4), options.random - done)
        done += kills
        times = [draw.uniform(0, seconds) for _ in range(kills)]

        def moment():
            for number, pause in enumerate(times):
                command = machine.resume(run) if (run / "config.yaml").exists() else \
                    machine.train(run, LONG)
                process = machine.start(command)
                time.sleep(pause)
                process.kill()
                # What it ends with when it was quicker than the kill is 0.
                check(process.wait() in (-signal.SIGKILL, 0),
                      f"kill {number + 1} of {kills}: exit {process.returncode}")
            finish(machine, straight, run, LONG)
        table.moment("killed at random times, up to 4 times a run", f"random/{chain}", moment, run,
                     tried=kills)


def kill_when_shown(machine, table, options):
    straight, run = machine.directory / "straight_slow", machine.directory / "cut"
    check(machine.call(machine.train(straight, SLOW)).returncode == 0, "the straight run")
    for activity in ["sampling", "updating", "evaluating"]:
        for iteration in (0, 1, 2):
            def moment():
                with machine.on_terminal(machine.train(run, SLOW)) as (process, terminal):
                    terminal.wait_for(rf"{iteration}/3 [^\r]*{activity}", process)
                finish(machine, straight, run, SLOW)
            table.moment(f"killed while {activity}", f"shown/{activity}/{iteration}", moment, run)


if __name__ == "__main__":
    parser = faults.arguments(__doc__)
    parser.add_argument("--random", type=int, default=30, metavar="N", help="random kills")
    parser.add_argument("--every-operation", action="store_true",
                        help="at each operation instead of one of each kind")
    parser.add_argument("--seed", type=int, default=1)
    faults.run_script({"train/": kill_in_training, "resume/": kill_in_resume,
                       "random/": kill_at_random, "shown/": kill_when_shown}, parser.parse_args())
