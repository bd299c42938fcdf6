"""Disks that fill, fail, go read-only, or lose the run's directory: one clear line, exit 1, earlier
checkpoints intact, and a resumed run like the straight one. Damaged checkpoints; two processes on
one run.

    disk_test.py BINARY MAKE_WORLD SHIM [--every-operation] [--seed S] [--only NAME]

The full disk is a small tmpfs in a mount namespace of its own, where the user may make one."""

import os
import random
import shutil
import signal
import subprocess
import sys

import faults
from faults import check
from kill_test import QUICK, area, kind

INSIDE = "LOOPLINE_IN_MOUNT_NAMESPACE"
TMPFS_BYTES = 4 << 20
NOBODY = 65534
# Persistent unless they say otherwise: a full disk stays full. A failed fsync comes once.
ERRORS = {"open": ["ENOSPC+", "EACCES+"], "write": ["ENOSPC+", "EIO", "short"], "sync": ["EIO"],
          "rename": ["EIO", "EROFS+"], "mkdir": ["ENOSPC+"], "truncate": ["EIO"], "unlink": ["EIO"],
          "rmdir": ["EIO"]}
ROWS = {"ENOSPC": "full disk (injected)", "short": "full disk (injected)",
        "EIO": "failing disk (injected)", "EROFS": "no permission, read-only (injected)",
        "EACCES": "no permission, read-only (injected)"}


def straight_run(machine, name="straight", settings=QUICK):
    straight = machine.directory / name
    if not straight.exists():
        result = machine.call(machine.train(straight, settings))
        check(result.returncode == 0, result.stderr)
    return straight


def all_checkpoints(machine):
    """Of each iteration."""
    return faults.checkpoints_of(straight_run(machine, "kept", [*QUICK, "checkpoint.keep=100"]))


def check_intact(run, expected):
    """Each checkpoint that is there is the straight run's; nothing else counts as one."""
    for name, files in faults.checkpoints_of(run).items():
        check(files == expected[name], f"checkpoint {name} is not what it was")


def fail_in_training(machine, table, options):
    straight, run, kept = straight_run(machine), machine.directory / "cut", all_checkpoints(machine)
    train = machine.train(run, QUICK)
    operations, result = machine.operations(train, run)
    check(result.returncode == 0, result.stderr)
    shutil.rmtree(run)
    draw = random.Random(options.seed)
    by_kind = {}
    for operation in operations:
        by_kind.setdefault(kind(operation), []).append(operation)
    every = options.every_operation or options.only.startswith("error/")
    for operation in operations if every else sorted(map(draw.choice, by_kind.values())):
        if operation.name == "truncate" and operation.path.endswith("/.lock"):
            continue  # only makes room for the name of the new owner
        for error in ERRORS[operation.name]:
            def moment():
                later = "+" if error.endswith("+") else ""
                fault = f"*:{run}:{operation.number}{later}:{error.rstrip('+')}"
                result = machine.call(train, fault)
                if result.returncode != 0 or operation.name not in ("unlink", "rmdir"):
                    faults.check_failed(result, run)
                    check(".unfinished-" not in result.stderr, f"a temporary name: {result.stderr}")
                check_intact(run, kept)
                machine.finish(run, QUICK)
                faults.check_equal(straight, run)
            table.moment(f"{ROWS[error.rstrip('+')]}: {area(operation, run)}",
                         f"error/{operation.number:03}.{error}", moment, run)


def interrupt_in_calls(machine, table, options):
    """EINTR is no failure."""
    straight, run = straight_run(machine), machine.directory / "cut"
    for name, part in [("write", ".jsonl"), ("write", ".safetensors"), ("write", ".png"),
                       ("open", ".jsonl"), ("sync", ".jsonl")]:
        def moment():
            result = machine.call(machine.train(run, QUICK), f"{name}:{part}:2:EINTR")
            check(result.returncode == 0, result.stderr.strip()[-400:])
            faults.check_equal(straight, run)
        table.moment("EINTR in write, open, sync", f"interrupted/{name}/{part}", moment, run)


def free_bytes(directory):
    status = os.statvfs(directory)
    return status.f_bavail * status.f_bsize


def fill_disk(machine, table, options):
    reason = os.environ.get(INSIDE)
    if reason != "yes":
        table.skip("full disk (tmpfs)", reason or "no mount namespace")
        return
    straight, kept = straight_run(machine), all_checkpoints(machine)
    disk = machine.directory / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "none", disk], check=True)
    run, ballast = disk / "cut", disk / "ballast"
    try:
        shutil.copytree(straight, run)
        used = TMPFS_BYTES - free_bytes(disk)
        shutil.rmtree(run)
        for percent in (0, 5, 15, 25, 35, 45, 55, 65, 75, 85, 95):
            def moment():
                ballast.write_bytes(bytes(TMPFS_BYTES - used * percent // 100))
                result = machine.call(machine.train(run, QUICK))
                faults.check_failed(result, run)
                check_intact(run, kept)
                before = faults.checkpoints_of(run)
                # A resume while it is still full: refused alike, and nothing lost by it.
                if (run / "config.yaml").exists():
                    full = machine.call(machine.resume(run))
                    faults.check_failed(full, run)
                    check(set(faults.checkpoints_of(run)) >= set(before), "the resume lost some")
                    check_intact(run, kept)
                ballast.unlink()
                machine.finish(run, QUICK)
                faults.check_equal(straight, run)
            table.moment("full disk (tmpfs)", f"full/{percent}", moment, run)
            ballast.unlink(missing_ok=True)
        for step in ("train", "resume"):
            def moment():
                if step == "resume":
                    result = machine.call(machine.train(run, QUICK), f"unlink:{run}:1:kill")
                    check(result.returncode == -signal.SIGKILL, "setting up")
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
                result = machine.call(machine.resume(run) if step == "resume" else
                                      machine.train(run, QUICK))
                subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
                faults.check_failed(result, run)
                machine.finish(run, QUICK)
                faults.check_equal(straight, run)
            table.moment("read-only file system (tmpfs)", f"full/read-only/{step}", moment, run)
    finally:
        subprocess.run(["umount", disk], check=True)


def refuse_access(machine, table, options):
    probe = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"]
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        table.skip("unwritable directory", "needs root and setpriv, to be another user than the owner")
        return
    machine.directory.chmod(0o755)
    if machine.call([machine.binary, "--version"], prefix=probe).returncode != 0:
        table.skip("unwritable directory", "another user cannot start the binary where it lies")
        return
    straight, run = straight_run(machine), machine.directory / "cut"
    for step in ("train", "resume"):
        def moment():
            if step == "resume":
                result = machine.call(machine.train(run, QUICK), f"unlink:{run}:1:kill")
                check(result.returncode == -signal.SIGKILL, "setting up")
            command = machine.resume(run) if step == "resume" else machine.train(run, QUICK)
            before = faults.checkpoints_of(run)
            faults.check_failed(machine.call(command, prefix=probe), run)
            check(faults.checkpoints_of(run) == before, "checkpoints changed")
            machine.finish(run, QUICK)
            faults.check_equal(straight, run)
        table.moment("unwritable directory", f"unwritable/{step}", moment, run)


def remove_directories(machine, table, options):
    """While the process stands before an operation; it then goes on."""
    straight, run = straight_run(machine), machine.directory / "cut"
    moments = [("a checkpoint", "mkdir:/checkpoints/.unfinished:3"), ("a picture", "open:.png:3"),
               ("a log line", "write:/metrics.jsonl:2"), ("a checkpoint", "rename:/0000000:2")]
    for victim in ["", "checkpoints", "samples", "pictures"]:
        for name, at in moments:
            def moment():
                process = subprocess.Popen(
                    list(map(str, machine.train(run, QUICK))), env=machine.environment(f"{at}:stop"),
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                check(faults.wait_until_stopped(process), "ended before the operation")
                shutil.rmtree(run / victim)
                process.send_signal(signal.SIGCONT)
                _, errors = process.communicate()
                result = subprocess.CompletedProcess([], process.returncode, "", errors)
                if not victim:
                    faults.check_failed(result, run)
                    check(not run.exists(), f"the directory is back: {faults.files_of(run)}")
                    return
                # A part of it may be made again; if not, the failure names it and resume mends it.
                if result.returncode != 0:
                    faults.check_failed(result, run / victim)
                machine.finish(run, QUICK)
                gone = faults.files_of(straight) - faults.files_of(run)
                check(all(file.startswith(victim) for file in gone), f"gone: {sorted(gone)}")
                newest = "checkpoints/00000004/trainable.safetensors"
                check((run / newest).read_bytes() == (straight / newest).read_bytes(), newest)
            table.moment(f"{victim or 'run directory'} removed during the run",
                         f"removed/{victim or 'run'}/{at}", moment, run)


def flip(byte):
    def damage(path):
        content = bytearray(path.read_bytes())
        content[int(byte * (len(content) - 1))] ^= 0x10
        path.write_bytes(content)
    return damage


def cut(share):
    return lambda path: os.truncate(path, int(path.stat().st_size * share))


DAMAGES = [("truncated", "half", cut(0.5)), ("truncated", "to nothing", cut(0)),
           # Two: state.json ends with a line break that nobody misses.
           ("truncated", "by two bytes", lambda path: os.truncate(path, path.stat().st_size - 2)),
           ("bit flipped", "first", flip(0)), ("bit flipped", "middle", flip(0.5)),
           ("bit flipped", "last", flip(1)), ("file missing", "", lambda path: path.unlink()),
           ("file a directory", "", lambda path: (path.unlink(), path.mkdir()))]


def damage_checkpoints(machine, table, options):
    straight, run = straight_run(machine), machine.directory / "cut"
    files = sorted(path.name for path in (straight / "checkpoints/00000004").iterdir())
    for fault, how, damage in DAMAGES:
        for file in files:
            def moment():
                shutil.copytree(straight, run)
                damage(run / "checkpoints/00000004" / file)
                errors = machine.finish(run, QUICK)
                check("00000004" in errors and errors.startswith("warning"),
                      f"no warning names the checkpoint: {errors}")
                faults.check_equal(straight, run)
            table.moment(f"newest checkpoint: {fault}", f"damaged/{fault}/{how}/{file}", moment, run)

    def all_damaged():
        shutil.copytree(straight, run)
        for checkpoint in (run / "checkpoints").iterdir():
            flip(0.5)(checkpoint / "trainable.safetensors")
        before = {name: (run / name).read_bytes() for name in faults.files_of(run)}
        faults.check_failed(machine.call(machine.resume(run)), run)
        after = {name: (run / name).read_bytes() for name in faults.files_of(run)}
        changed = [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
        check(set(changed) <= {".lock"}, f"the refused resume changed {sorted(changed)}")
    table.moment("every checkpoint damaged: refused, nothing changed", "damaged/all", all_damaged, run)


def use_twice(machine, table, options):
    straight, run = straight_run(machine), machine.directory / "cut"
    for name, at in [("creation", "mkdir:/samples:1"), ("creation", "rename:/config.yaml:1"),
                     ("the run", "write:/metrics.jsonl:2"), ("a checkpoint", "sync:.safetensors:3")]:
        for second in ("train", "resume"):
            for end in ("goes on", "is killed"):
                def moment():
                    owner = machine.start(machine.train(run, QUICK), f"{at}:stop")
                    check(faults.wait_until_stopped(owner), "ended before the operation")
                    is_run = (run / "config.yaml").exists()
                    command = machine.resume(run) if second == "resume" else \
                        machine.train(run, QUICK)
                    result = machine.call(command)
                    # No run to resume yet, or one where a new one is to be: wrong use.
                    wrong_use = is_run == (second == "train")
                    faults.check_failed(result, run, 2 if wrong_use else 1)
                    if not wrong_use:
                        check(f"process {owner.pid} " in result.stderr, f"not named: {result.stderr}")
                    owner.send_signal(signal.SIGCONT if end == "goes on" else signal.SIGKILL)
                    code = owner.wait()
                    check(code == (0 if end == "goes on" else -signal.SIGKILL), f"owner: exit {code}")
                    machine.finish(run, QUICK)
                    faults.check_equal(straight, run)
                table.moment(f"second process while the first stands in {name}",
                             f"twice/{at}/{second}/{end}", moment, run)


def enter_mount_namespace():
    """Starts this script again where mounting is allowed and nobody else sees the mounts."""
    if os.environ.get(INSIDE):
        return
    unshare = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    try:
        works = subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", "/mnt"],
                               capture_output=True, text=True)
        os.environ[INSIDE] = "yes" if works.returncode == 0 else works.stderr.strip()
    except OSError as error:
        os.environ[INSIDE] = str(error)
    if os.environ[INSIDE] == "yes":
        os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


if __name__ == "__main__":
    enter_mount_namespace()
    parser = faults.arguments(__doc__)
    parser.add_argument("--every-operation", action="store_true",
                        help="errors at each operation instead of one of each kind")
    parser.add_argument("--seed", type=int, default=1)
    faults.run_script({"error/": fail_in_training, "interrupted/": interrupt_in_calls,
                       "full/": fill_disk, "unwritable/": refuse_access,
                       "removed/": remove_directories, "damaged/": damage_checkpoints,
                       "twice/": use_twice}, parser.parse_args())
