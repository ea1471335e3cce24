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

KERNEL = 0x00200000  # flag of kernel threads in /proc/PID/stat
SETTLE = 0.2  # seconds in which a process in the middle of exec shows its environment at last


def marked(name: str, value: str) -> Iterator[int]:
    """Pids of our own processes that were started with NAME=value in their environment."""
    return (pid for pid, sure in _look(name, value) if sure)


def reap(name: str, value: str, patience: float = 5.0) -> list[int]:
    """Kill all marked processes and wait until they are gone; the pids that it killed."""
    killed: list[int] = []
    began = time.monotonic()
    while (now := time.monotonic()) < began + patience:
        seen = dict(_look(name, value))
        found = [pid for pid, sure in seen.items() if sure]
        if not found and (not seen or now > began + SETTLE):
            break
        for sig in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can fork away
            for pid in found:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, sig)
        killed += [pid for pid in found if pid not in killed]
        time.sleep(0.01)
    return killed


def _look(name: str, value: str) -> Iterator[tuple[int, bool]]:
    """(pid, True) of each marked process, (pid, False) where the environment is still empty."""
    needle = b"\0" + os.fsencode(f"{name}={value}") + b"\0"
    for entry in os.listdir("/proc") if Path("/proc/self/environ").exists() else ():
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            environment = Path("/proc", entry, "environ").read_bytes()
            if needle in b"\0" + environment:
                if _runs(entry):
                    yield int(entry), True
            elif not environment and _runs(entry):
                yield int(entry), False


def _runs(pid: str) -> bool:
    """Whether it is a living process of a program: neither dead nor a part of the kernel."""
    fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    return fields[0] not in "ZX" and not int(fields[6]) & KERNEL
