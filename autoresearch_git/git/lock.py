"""The one lock under which the memory is written, dropped by the kernel when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from autoresearch_git.errors import ArError
from autoresearch_git.git.locate import Place


@contextlib.contextmanager
def writing(place: Place) -> Iterator[None]:
    """Hold the memory's lock; waits for other writers, of any worktree, in turn."""
    try:
        place.private.mkdir(exist_ok=True)
        handle = os.open(place.private / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise ArError(
            f"the memory cannot be written: {error}", "make the repository writable, or clone it"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
