"""Processes that outlived their run: found by the marks that every run's environment carries.

This is the last net. A live supervisor finds all descendants by itself; the marks are for runs
whose supervisor was killed, and they reach every process that did not clean its environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path


def marked(name: str, value: str) -> Iterator[int]:
    """Pids of our own processes that were started with NAME=value in their environment."""
    needle = b"\0" + os.fsencode(f"{name}={value}") + b"\0"
    for entry in os.listdir("/proc") if Path("/proc/self/environ").exists() else ():
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if needle in b"\0" + Path("/proc", entry, "environ").read_bytes():
                yield int(entry)


def reap(name: str, value: str, patience: float = 5.0) -> list[int]:
    """Kill all marked processes and wait until they are gone; the pids that it killed."""
    killed: list[int] = []
    until = time.monotonic() + patience
    while time.monotonic() < until:
        found = [pid for pid in marked(name, value) if not _zombie(pid)]
        if not found:
            break
        for sig in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can fork away
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sig)
        killed += [pid for pid in found if pid not in killed]
        time.sleep(0.01)
    return killed


def _zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True
