"""A directory that appears complete or not at all."""

import shutil

from .refusal import Refusal


def require_free(out, force, manifest):
    """Only a bundle, a directory with `manifest`, is replaced, and only by force."""
    if not out.exists():
        return
    if not force:
        raise Refusal(f"{out} is there; --force replaces a bundle")
    if not (out / manifest).is_file():
        raise Refusal(f"{out} is there and no bundle; nothing is replaced")


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
