"""Whether a run wrote where it must not: into protected files, or into the user's repository."""

from __future__ import annotations

import hashlib
import os
import stat
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


def blob(path: Path, like: str) -> str:
    """Git's name of a file's content, hashed as `like` was; "" if it is no file."""
    kind = "sha256" if len(like) == 64 else "sha1"
    try:
        # A pipe that the run left there must not hold us up, a link must not lead away.
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(opened, "rb") as file:
        about = os.fstat(opened)
        if not stat.S_ISREG(about.st_mode):
            return ""
        digest = hashlib.new(kind, b"blob %d\0" % about.st_size, usedforsecurity=False)
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = os.lstat(path)
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
