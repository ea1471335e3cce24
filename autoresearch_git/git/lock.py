"""The one lock under which the memory is written, dropped by the kernel when its holder dies.

The holder notes in the lock file which refs it is about to move. Whoever finds such a note when
taking the lock knows that its writer was killed there, and clears the ref locks that it left.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoresearch_git.errors import ArError
from autoresearch_git.git.locate import Place

_STALE = 1.0  # seconds that a dead writer's ref lock must be old: git's own are held for less
_mine = threading.local()  # .handles: common git directory -> file descriptor of the lock held


@contextlib.contextmanager
def writing(place: Place, name: str = "lock") -> Iterator[None]:
    """Hold the memory's lock; waits for other writers, of any worktree, in turn."""
    try:
        place.private.mkdir(exist_ok=True)
        handle = os.open(place.private / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ArError(
            f"the memory cannot be written: {error}", "make the repository writable, or clone it"
        ) from None
    held = _handles()
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if name == "lock":
            if left := os.pread(handle, 1 << 20, 0):
                _clear(place, left.decode("utf-8", "replace").split("\n"))
                os.ftruncate(handle, 0)
            held[place.common] = handle
        yield
    finally:
        if held.get(place.common) == handle:
            del held[place.common]
        os.close(handle)


@contextlib.contextmanager
def moving(place: Place, refs: Sequence[str]) -> Iterator[tuple[int, ...]]:
    """Note the refs that are about to move; yields what a git program started for it inherits.

    It inherits the lock, so that nobody writes before it has ended, whatever becomes of us.
    """
    handle = _handles().get(place.common)
    if handle is None:
        yield ()
        return
    with contextlib.suppress(OSError):  # a full disk: the move itself will say so
        os.pwrite(handle, "\n".join(refs).encode(), 0)
    try:
        yield (handle,)
    finally:
        os.ftruncate(handle, 0)


def _handles() -> dict[Path, int]:
    found: dict[Path, int] = _mine.__dict__.setdefault("handles", {})
    return found


def _clear(place: Place, refs: Sequence[str]) -> None:
    for ref in (*refs, "packed-refs"):
        lock = place.common / f"{ref}.lock"
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            first = lock.stat()
            time.sleep(max(0.0, _STALE - max(0.0, time.time() - first.st_mtime)))
            if lock.stat().st_ino == first.st_ino:
                lock.unlink()
