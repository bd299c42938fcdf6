"""A directory that appears complete or not at all."""

import shutil


def empty_beside(out):
    """An empty directory that will take the place of `out`."""
    new = out.with_name(out.name + ".part")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    return new


def replace_directory(new, out):
    """Puts `new` in the place of `out`."""
    old = out.with_name(out.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)
