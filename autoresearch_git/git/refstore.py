"""Compare-and-swap of one loose ref by git's own lock protocol, in plain Python.

libgit2 would write a reflog for notes, whose old commits would then never be pruned: at 100,000
runs that is most of the disk. Refs that want a reflog go through Repo instead.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from autoresearch_git.errors import ArError, RefChangedError
from autoresearch_git.git.locate import Place, read_ref

_PATIENCE = 12  # attempts at a lock, about 8 seconds in all


def swap(place: Place, ref: str, new: str, old: str, *, durable: bool = False) -> None:
    """Move a ref from `old` ("" for none) to `new`.

    RefChangedError if it is elsewhere, ArError if its lock stays taken or nothing can be written.
    """
    path = place.common / ref
    lock = path.with_name(path.name + ".lock")
    handle = _take(lock, place, ref, old)
    try:
        try:
            if (found := read_ref(place, ref)) != old:
                raise RefChangedError(f"{ref} is at {found[:12] or 'nothing'}, not {old[:12]}")
            os.write(handle, new.encode() + b"\n")
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        lock.rename(path)
    except BaseException as error:
        lock.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _refused(ref, error) from None
        raise
    if durable:
        _sync_folder(path.parent)


def begin_reflog(place: Place, ref: str) -> None:
    """Let git log a ref from now on: it does where there is a log, whatever its settings say."""
    log = place.common / "logs" / ref
    with contextlib.suppress(OSError):  # what hinders us hinders git, which says it better
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()


def _take(lock: Path, place: Place, ref: str, old: str) -> int:
    for attempt in range(_PATIENCE):
        try:
            return os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            lock.parent.mkdir(parents=True, exist_ok=True)  # git removes empty folders
        except FileExistsError:
            if read_ref(place, ref) != old:
                raise RefChangedError(f"{ref} is being moved by another program") from None
            time.sleep(min(2.0, 0.002 * 2**attempt))
        except OSError as error:
            raise _refused(ref, error) from None
    raise ArError(f"{ref} stays locked by {lock.name}", "run: git ar doctor")


def _refused(ref: str, error: OSError) -> ArError:
    return ArError(f"{ref} cannot be written: {error.strerror}", "see: git ar doctor")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
