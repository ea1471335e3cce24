"""Commits made by hand that wait for their run: one line each, appended by the post-commit hook.

The file only grows; how far it is done is in a second file. A line counts as done when its
experiment is decided, so a kill loses nothing, and the order is that of the commits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoresearch_git.git.lean import environment

FILE, DONE, LOCK, LOG = "queue", "queue.done", "worker.lock", "worker.log"


@dataclass(frozen=True)
class Item:
    """One line: a commit on a research branch, or a commit that was rewritten into another."""

    kind: str  # commit or rewrite
    oid: str
    other: str  # of a commit its branch, of a rewrite the new oid
    end: int  # where the line ends in the file


def add(private: Path, kind: str, oid: str, other: str) -> None:
    """Append one line; several processes may do so at once."""
    private.mkdir(exist_ok=True)
    handle = os.open(private / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, f"{kind} {oid} {other}\n".encode())
    finally:
        os.close(handle)


def waiting(private: Path) -> list[Item]:
    """The lines that are not done, oldest first; what cannot be read is passed over."""
    start = _done(private)
    try:
        data = (private / FILE).read_bytes()
    except OSError:
        return []
    found, at = [], min(start, len(data))
    for line in data[at:].splitlines(keepends=True):
        at += len(line)
        words = line.decode("ascii", "replace").split()
        if len(words) == 3 and words[0] in ("commit", "rewrite") and line.endswith(b"\n"):
            found.append(Item(words[0], words[1], words[2], at))
    return found


def pending(private: Path) -> bool:
    """Whether anything waits."""
    try:
        return os.stat(private / FILE).st_size > _done(private)
    except OSError:
        return False


def finish(private: Path, item: Item) -> None:
    """Count everything up to this line as done."""
    partial = private / f"{DONE}.new"
    partial.write_text(f"{item.end}\n", encoding="ascii")
    partial.replace(private / DONE)


@contextlib.contextmanager
def working_alone(private: Path) -> Iterator[bool]:
    """Be the one worker; False if there is one already. The kernel drops a dead worker's lock."""
    handle = os.open(private / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def working(private: Path) -> bool:
    """Whether a worker is at it now."""
    if not (private / LOCK).exists():
        return False
    with working_alone(private) as free:
        return not free


def start_worker(private: Path) -> None:
    """Start a worker that outlives us and holds nothing of ours open."""
    with open(private / LOG, "ab") as log:
        subprocess.Popen(
            (sys.executable, "-m", "autoresearch_git", "hook", "work", str(private.parent)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=private,
            env=environment(),
            start_new_session=True,
        )


def _done(private: Path) -> int:
    try:
        return int((private / DONE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
