"""A private folder with a commit's files for an agent to edit, and what it changed there.

No `.git` inside: whatever the agent does, refs, index and working tree are out of its reach.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autoresearch_git.git.checkout import materialize
from autoresearch_git.git.repo import Repo

Stamps = dict[str, tuple[int, ...]]
_OWN = (".aider", ".codex", ".claude", ".gemini", ".opencode", ".agents", "__pycache__", ".cache")
_LEFTOVERS = (".pyc", ".orig", ".rej", ".log", ".bak", ".swp")


@contextlib.contextmanager
def private(repo: Repo, commit: str) -> Iterator[Path]:
    """A folder with the commit's files, removed afterwards."""
    slot = Path(tempfile.mkdtemp(prefix="git-ar-agent-"))
    try:
        yield materialize(repo.place.git_dir, commit, slot)
    finally:
        shutil.rmtree(slot, ignore_errors=True)


def stamps(folder: Path) -> Stamps:
    """Every file with what shows that it was written."""
    found: Stamps = {}
    for where, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_OWN)]
        for name in files:
            path = Path(where) / name
            with contextlib.suppress(OSError):
                s = path.lstat()
                stamp = (s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)
                found[str(path.relative_to(folder))] = stamp
    return found


def changed(folder: Path, before: Stamps) -> list[str]:
    """The files that were written, made or removed; an agent's own leftovers do not count."""
    after = stamps(folder)
    paths = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    return sorted(p for p in paths if p in before or not _leftover(p))


def _leftover(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith(_OWN) or name.endswith(_LEFTOVERS)
