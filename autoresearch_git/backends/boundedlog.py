"""A log on disk that cannot grow without end: its head and its tail are kept, and it says so.

Stdlib only: the supervisor loads it as a script.
"""

from __future__ import annotations

import contextlib
import os


class BoundedLog:
    """Write bytes; the file holds the first `head` bytes, then two segments take turns as tail."""

    def __init__(self, path: str, head: int, tail: int) -> None:
        self.path, self.head, self.tail = path, head, tail
        self.total = 0
        self.kept = 0
        self.failed = False  # the disk was full: what could not be written is counted as dropped
        self.segments: list[str] = []
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.size = 0

    @property
    def dropped(self) -> int:
        """Bytes that are not in the file."""
        return self.total - self.kept

    def write(self, data: bytes) -> None:
        """Append; never raises, since a log that cannot be written must not stop the run."""
        self.total += len(data)
        while data:
            limit = self.head if not self.segments else self.tail
            part, data = data[: limit - self.size], data[limit - self.size :]
            self._put(part)
            if data:
                self._next_segment()

    def _put(self, part: bytes) -> None:
        if part:
            self.size += len(part)
            try:
                os.write(self.file, part)
            except OSError:
                self.failed = True

    def _next_segment(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self.file)
            name = f"{self.path}.{len(self.segments) % 2 + 1}"
            self.segments.append(name)
            self.file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self.size = 0

    def close(self) -> None:
        """Put head and tail together, with a line between them that says what is missing."""
        with contextlib.suppress(OSError):
            os.close(self.file)
        self.kept = join(self.path, self.tail, self.total, self.segments)


def join(path: str, tail: int, total: int, segments: list[str]) -> int:
    """Append the tail segments to the head; returns how many bytes of the output are kept."""
    data = b"".join(_read(name) for name in segments[-2:])[-tail:]
    kept = 0
    with contextlib.suppress(OSError):
        kept = os.path.getsize(path) + len(data)
        if data:
            with open(path, "ab") as file:
                if total > kept:
                    file.write(b"\n[git ar: %d bytes of output left out here]\n" % (total - kept))
                file.write(data)
    for name in set(segments):
        with contextlib.suppress(OSError):
            os.unlink(name)
    return kept


def _read(name: str) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError:
        return b""
