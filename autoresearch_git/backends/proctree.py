"""The processes below this one, and their end. Stdlib only: the supervisor loads it as a script."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

_PDEATHSIG, _SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_reaper() -> bool:
    """Adopt every orphan below this process (Linux); False where that does not exist."""
    return hasattr(_libc, "prctl") and _libc.prctl(_SUBREAPER, 1, 0, 0, 0) == 0


def die_with_parent() -> None:
    """Get KILL when the parent dies. Called between fork and exec."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def descendants(root: int | None = None) -> dict[int, str]:
    """Pid -> name of all living processes below the root, this process by default."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
            front, _, rest = file.read().rpartition(b")")
            state, parent = rest.split()[:2]
            if state not in (b"Z", b"X"):
                name = front.partition(b"(")[2].decode("utf-8", "replace")
                children.setdefault(int(parent), []).append((int(entry), name))
    found: dict[int, str] = {}
    todo = [root or os.getpid()]
    while todo:
        for pid, name in children.get(todo.pop(), ()):
            found[pid] = name
            todo.append(pid)
    return found


def terminate_all(sandbox: int = 0) -> None:
    """TERM to all descendants. A sandbox's own processes are spared: their end is a KILL inside."""
    spared = {sandbox, *_children(sandbox)} if sandbox else set()
    found = descendants()
    for pid in found.keys() - spared:
        _send(pid, signal.SIGTERM)


def kill_all() -> None:
    """Stop, then KILL all descendants: what is stopped cannot fork away meanwhile."""
    found = descendants()
    for sig in (signal.SIGSTOP, signal.SIGKILL):
        for pid in found:
            _send(pid, sig)


def kill_until_gone(patience: float = 5.0) -> bool:
    """KILL until there is no child left, adopted ones included; False if some would not die."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if none_left():
            return True
        kill_all()
        time.sleep(0.005)
    return none_left()


def none_left() -> bool:
    """Reap dead children; True when no child is left, dead or alive."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return False
    return True


def free_bytes(folder: str) -> int:
    """Free space of the folder's disk."""
    with contextlib.suppress(OSError):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize
    return 0


def size_of(folder: str) -> int:
    """Bytes on disk below a folder, links not followed; what vanishes meanwhile counts nothing."""
    total, todo = 0, [folder]
    while todo:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
    return total


def _children(pid: int) -> set[int]:
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as file:
        return set(map(int, file.read().split()))
    return set()


def _send(pid: int, sig: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sig)
