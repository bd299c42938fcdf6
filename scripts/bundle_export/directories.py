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


def write_bundle(out, force, manifest, write):
    """write(DIRECTORY) writes a bundle into an empty directory, which then stands at `out`: complete or
    not at all."""
    place = out.resolve()
    require_free(place, force, manifest)
    new = empty_beside(place)
    try:
        write(new)
        replace_directory(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    size = sum(file.stat().st_size for file in place.iterdir())
    print(f"{place}: {size / 1e6:,.1f} MB; next: loopline inspect {out}")
