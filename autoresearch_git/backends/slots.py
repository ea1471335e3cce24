"""Slots: how many runs a machine does at once, and who holds which place.

A slot is a file under a lock that the kernel drops when its last holder dies; the supervisor of a
run inherits it, so a slot is free only when its run is really gone. A GPU has one more lock, for
the whole machine and all its users, because two timed runs on one GPU measure each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoresearch_git.backends.hardware import Gpu, cores
from autoresearch_git.backends.orphans import reap
from autoresearch_git.errors import HarnessError

LOCKS = Path("/tmp/git-ar-locks")  # not TMPDIR, which differs between users
SAID = 4096  # bytes of a slot's file: one write, never torn
CORES_A_RUN = 4  # what `auto` gives a run on a machine without GPUs


@dataclass(frozen=True)
class Slot:
    """A place held for one run: its folder, its cores, its GPUs, and the locks that hold it."""

    name: str
    folder: Path
    cores: tuple[int, ...]  # () means not pinned
    share: float  # cores' worth of the machine that it counts as
    gpus: tuple[Gpu, ...]
    locks: tuple[int, ...]  # open file descriptors

    @property
    def file(self) -> Path:
        return self.folder.with_suffix(".lock")


def room(gpus: Sequence[Gpu], gpus_a_run: int) -> int:
    """What `--jobs auto` means here: one run a GPU, or one for every four cores."""
    if gpus_a_run:
        return max(1, len(gpus) // gpus_a_run)
    return max(1, len(cores()) // CORES_A_RUN)


def share_of(jobs: int) -> float:
    """How many cores' worth of the machine each of so many runs has."""
    each = len(cores()) // jobs
    return float(each) if each else len(cores()) / jobs


def acquire(
    folder: Path, jobs: int, gpus: Sequence[Gpu], gpus_a_run: int, wait: float | None = None
) -> Slot:
    """Wait for a free slot of `jobs`, and for its GPUs. HarnessError when `wait` seconds pass."""
    folder.mkdir(parents=True, exist_ok=True)
    until = None if wait is None else time.monotonic() + wait
    pause = 0.02
    while True:
        slot = _try_all(folder, jobs, gpus, gpus_a_run)
        if slot:
            return slot
        if until is not None and time.monotonic() >= until:
            raise HarnessError(
                f"no free slot of {jobs} within {wait:g} s",
                "another git ar runs here: git ar watch",
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def sweep(folder: Path) -> None:
    """End what killed runs left in any slot, also those that a smaller `--jobs` does not use."""
    for file in folder.glob("*.lock"):
        with contextlib.suppress(OSError):
            if file.stat().st_size and (held := _lock(file)) is not None:
                _clean_up_after(file)
                os.close(held)


def release(slot: Slot) -> None:
    """Give the slot back: its file says that nothing was left behind."""
    with contextlib.suppress(OSError):
        os.truncate(slot.file, 0)
    for lock in slot.locks:
        os.close(lock)


def mark(slot: Slot, what: Mapping[str, Any]) -> None:
    """Say in the slot's file what runs there; who finds it unlocked knows that its run died."""
    data = json.dumps({**what, "slot": slot.name, "time": time.time()}).encode()
    os.pwrite(slot.locks[0], data.ljust(SAID), 0)  # in place: the lock is on this inode


def occupied(folder: Path) -> Iterator[Mapping[str, Any]]:
    """What runs in each slot that is held right now, by this or any other process."""
    for file in sorted(folder.glob("*.lock")):
        with contextlib.suppress(OSError, ValueError), file.open("rb") as opened:
            said = opened.read().strip()
            if said and not _free(opened.fileno()):
                yield json.loads(said)


def _try_all(folder: Path, jobs: int, gpus: Sequence[Gpu], each: int) -> Slot | None:
    for number in range(jobs):
        held = _lock(folder / f"{number}.lock")
        if held is None:
            continue
        _clean_up_after(folder / f"{number}.lock")
        taken = _lock_gpus(gpus, each)
        if taken is None:
            os.close(held)
            return None
        mine = _cores_of(number, jobs) if not each else ()
        share = share_of(jobs)
        places = tuple(gpu for gpu, _ in taken)
        name = "gpu-" + "+".join(str(g.index) for g in places) if places else f"cpu-{number}"
        locks = (held, *(lock for _, lock in taken))
        return Slot(name, folder / str(number), mine, share, places, locks)
    return None


def _cores_of(number: int, jobs: int) -> tuple[int, ...]:
    have = cores()
    each = len(have) // jobs
    if jobs == 1 or each == 0:  # alone, or more runs than cores: the kernel shares them out
        return ()
    return tuple(have[number * each : (number + 1) * each])


def _lock_gpus(gpus: Sequence[Gpu], each: int) -> list[tuple[Gpu, int]] | None:
    taken: list[tuple[Gpu, int]] = []
    for gpu in gpus:
        if len(taken) == each:
            break
        lock = _lock(_machine_lock(gpu.uuid))
        if lock is not None:
            taken.append((gpu, lock))
    if len(taken) == each:
        return taken
    for _, lock in taken:
        os.close(lock)
    return None


def _machine_lock(uuid: str) -> Path:
    folder = Path(os.environ.get("AR_LOCKS") or LOCKS)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o1777)  # like /tmp itself: everybody may make files, nobody removes others'
    return folder / f"{uuid}.lock"


def _lock(file: Path) -> int | None:
    """The descriptor of the locked file, None if somebody holds it."""
    try:
        # Another user's file in a sticky folder may be opened to read, but not with O_CREAT.
        handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with contextlib.suppress(PermissionError):
            writable = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            os.close(handle)
            handle = writable
    except FileNotFoundError:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    if _free(handle):
        return handle
    os.close(handle)
    return None


def _free(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _clean_up_after(file: Path) -> None:
    """The last holder left a name in the file: it died, and some of its processes may live."""
    with contextlib.suppress(OSError):
        if file.stat().st_size:
            reap("AR_SLOT", str(file))
            os.truncate(file, 0)
