"""Run by the Python of an environment: is every package in it there in full?

An installation that was interrupted leaves files without a RECORD or a RECORD without its files.
Exits 1 and prints the first such finding.
"""

import importlib.metadata
import pathlib
import sys
import sysconfig


def find_damage(site):
    import pip  # noqa: F401, an environment without pip was interrupted while it was made

    owned = {"__pycache__"}
    for dist in importlib.metadata.distributions(path=[str(site)]):
        if not dist.files:
            return f"{dist.metadata['Name']} has no list of files"
        for file in dist.files:
            owned.add(file.parts[0])
            path = pathlib.Path(dist.locate_file(file))
            if file.size is not None and (not path.exists() or path.stat().st_size != file.size):
                return f"{path} is missing or torn"
    stray = sorted(entry.name for entry in site.iterdir() if entry.name not in owned)
    return f"no package owns {', '.join(stray)}" if stray else None


if __name__ == "__main__":
    damage = find_damage(pathlib.Path(sysconfig.get_path("purelib")))
    if damage:
        print(f"The environment is not intact: {damage}")
    sys.exit(1 if damage else 0)
