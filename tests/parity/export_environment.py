"""The environment of the export scripts, which has the peers that parity tests compare with."""

import os
import pathlib
import sys

SKIPPED = 77


def enter(source):
    """Goes on in SOURCE/.deps/export; where that is not installed the test is skipped."""
    environment = (source / ".deps/export").resolve()
    if pathlib.Path(sys.prefix).resolve() == environment:
        return
    if not (environment / ".complete").exists():
        print(f"skipped: nothing to compare with in {environment}; `scripts/export_env true` installs it")
        sys.exit(SKIPPED)
    os.execv(environment / "bin/python", [environment / "bin/python", *sys.argv])
