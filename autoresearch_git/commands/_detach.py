"""A command that goes on without its terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from autoresearch_git.errors import ArError


def detach(log: Path) -> tuple[int, Callable[[], None]]:
    """Go on as a process without a terminal, whose output goes to the log; call it first of all.

    Returns (pid, started): in the parent the pid, when the child has called `started()`; in the
    child 0. Raises ArError in the parent when the child ended before that, with its last words.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            if told.read() == b"started":
                return pid, lambda: None
        os.waitpid(pid, 0)
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        words = said[-1] if said else "it ended at once"
        raise ArError(words.removeprefix("git ar: "), f"its log: {log}")
    os.close(reader)
    os.setsid()
    streams = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (streams, 1), (streams, 2)):
        os.dup2(source, target)

    def started() -> None:
        os.write(writer, b"started")
        os.close(writer)

    return 0, started
