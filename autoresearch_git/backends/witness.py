"""Whether a run that was not sandboxed wrote where it must not: into the user's repository."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from autoresearch_git.git.locate import Place

Seen = dict[str, tuple[int, ...]]
INSIDE = ("config", "hooks", "info", "HEAD")  # what a run could use to act later


def look(place: Place, files: Iterable[str]) -> Seen:
    """Stamps of the files in the user's tree and of git's own settings, by name."""
    seen = {f".git/{name}": _stamp(place.common / name) for name in INSIDE}
    if place.work:
        seen |= {name: _stamp(place.work / name) for name in files}
    return seen


def changed(before: Seen, after: Seen) -> list[str]:
    """Names of what changed meanwhile, by the run or by anybody else."""
    return sorted(name for name in before if before[name] != after.get(name))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.lstat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
