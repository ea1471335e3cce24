"""Leases of runs in flight: whether the process that promised a result can still give it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from autoresearch_git.records import Lease

SLACK = 2.0  # seconds between the kernel's and the trail's clock that mean nothing
MARGIN = 900.0  # seconds beyond the outer timeout: waiting for data, uv, a slow disk


def until(now: float, timeout: float, grace: float) -> float:
    """When a lease taken now runs out: after that, nobody can still be at work on the run."""
    return now + timeout + grace + MARGIN


def is_stale(
    lease: Lease, host: str, now: float, here: str | None = None, taken: float | None = None
) -> bool:
    """Whether the run is dead: over its time, or its process on this host is gone.

    `host` and `taken` are of the event that holds the lease, `here` is this machine's name. Of
    another host's process nothing is known until the lease runs out.
    """
    if now > lease.until:
        return True
    if host != (os.uname().nodename if here is None else here):
        return False
    return not is_alive(lease.pid, now if taken is None else taken)


def is_alive(pid: int, not_after: float) -> bool:
    """Whether the process lives and was started by then: a pid is used again, also after a boot."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    born = started(pid)
    return born is None or born <= not_after + SLACK


def started(pid: int) -> float | None:
    """When a process started, in seconds since 1970; None where /proc does not say."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] in "ZX":
            return float("inf")  # dead, and only not collected yet
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return None
