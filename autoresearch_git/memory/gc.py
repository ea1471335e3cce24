"""Pack what piled up: loose objects, loose refs, the commit-graph. No event is ever dropped."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.git.lock import writing
from autoresearch_git.git.pack import WORD
from autoresearch_git.git.process import git
from autoresearch_git.memory.index import FILE, drop
from autoresearch_git.memory.store import Memory

_LEFT = 3600  # seconds after which a guard file of ours belongs to nobody


@dataclass(frozen=True)
class Collected:
    """Bytes of git's objects before and after, and bytes of our own disposable files."""

    before: int
    after: int
    index: int
    removed: tuple[str, ...]


def collect(memory: Memory, *, prune: str = "") -> Collected:
    """Run git's gc with what the memory needs around it; `prune` is a date as git knows them.

    Old versions of the notes are let go of: they are views, and hold most of the loose objects.
    """
    place = memory.place
    before = size(place.common / "objects")
    with writing(place):
        removed = _leftovers(place.private, place.common)
        git(place.git_dir, "reflog", "expire", "--expire=all", refs.NOTES, ok=(0, 1, 128, 255))
    # Without the lock: writers wait for a running gc by themselves, and settle after it.
    git(place.git_dir, "gc", "-q", *([f"--prune={prune}"] if prune else []))
    git(place.git_dir, "commit-graph", "write", "--reachable", "--no-progress")
    with writing(place):
        memory.index.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    index = sum(size(path) for path in place.private.glob("index-*"))
    return Collected(before, size(place.common / "objects"), index, tuple(removed))


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_file():
        return path.stat().st_size
    total = 0
    for file in path.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # gone meanwhile
            total += file.stat().st_size if file.is_file() else 0
    return total


def _leftovers(private: Path, common: Path) -> list[str]:
    """Remove indexes of other versions, and guards of packs whose writer is gone."""
    removed = []
    for path in private.glob("index*.sqlite"):
        if path.name != FILE:
            drop(path)
            removed.append(path.name)
    for guard in (common / "objects" / "pack").glob("pack-*.keep"):
        old = time.time() - guard.stat().st_mtime > _LEFT
        if old and guard.read_text(encoding="utf-8", errors="replace").strip() == WORD:
            guard.unlink()
            removed.append(guard.name)
    return removed
