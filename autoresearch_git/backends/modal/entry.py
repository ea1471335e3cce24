"""What runs in the container: the contract's command, its output a line at a time, its end.

Standard library only. Modal shows output by lines and drops carriage returns, so each piece goes
out as a line of its own with a mark in front; a program's output cannot look like ours.
    |text   a line            ~text   a line that the next one overwrites (ended by \\r)
    >text   a piece of one    #json   from us: hardware, gap, end
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

HEAD = TAIL = 4 << 20  # bytes of output that are sent from either end
LONGEST = 1 << 15  # bytes of one piece
OFTEN = 0.25  # seconds between two lines that overwrite each other
BREAK = re.compile(rb"[\r\n]")


class Sender:
    """Output on its way to the client: the first HEAD bytes as they come, then only progress,
    and at the end the last TAIL bytes."""

    def __init__(self) -> None:
        self.sent = self.missing = 0
        self.tail: list[bytes] = []
        self.kept = 0
        self.overwritten = 0.0

    def piece(self, mark: str, data: bytes) -> None:
        line = mark.encode() + data
        if mark == "~":
            now = time.monotonic()
            if now - self.overwritten < OFTEN:
                return
            self.overwritten = now
        elif self.sent > HEAD:
            self._keep(line)
            return
        self.sent += len(line)
        self._write(line)

    def say(self, **what: Any) -> None:
        self._write(b"#" + json.dumps(what).encode())

    def end(self, **what: Any) -> None:
        if self.missing:
            self.say(gap=self.missing)
        for line in self.tail:
            self._write(line)
        self.say(end=what)

    def _keep(self, line: bytes) -> None:
        self.tail.append(line)
        self.kept += len(line)
        while self.kept > TAIL:
            gone = self.tail.pop(0)
            self.kept -= len(gone)
            self.missing += len(gone)

    def _write(self, line: bytes) -> None:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()


def pieces(fd: int, until: float) -> Iterator[tuple[str, bytes] | None]:
    """(mark, text) of the output as it comes; None about every second, and at the time limit."""
    rest = b""
    while True:
        ready, _, _ = select.select([fd], [], [], min(1.0, max(0.0, until - time.monotonic())))
        if not ready:
            if rest:  # what was printed without an end of line is shown too
                yield ">", rest
                rest = b""
            yield None
            continue
        data = os.read(fd, 1 << 16)
        if not data:
            break
        rest += data
        while found := BREAK.search(rest):
            text, mark = rest[: found.start()], found[0]
            if mark == b"\r" and found.end() == len(rest):
                break  # the newline of a pair may be still to come
            crlf = rest[found.start() : found.start() + 2] == b"\r\n"
            rest = rest[found.end() + crlf :]
            if text or mark == b"\n":
                yield ("|" if mark == b"\n" or crlf else "~"), text
        while len(rest) > LONGEST:
            yield ">", rest[:LONGEST]
            rest = rest[LONGEST:]
    if rest:
        yield "|", rest.rstrip(b"\r")


def kill(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def run(spec: dict[str, Any]) -> None:
    """Run the command, and say how it ended."""
    sender = Sender()
    sender.say(hardware=hardware())
    reader, writer = os.pipe()
    environment = dict(os.environ) | {"AUTORESEARCH_REPORT_FD": str(writer)}
    environment.pop("PYTHONPATH", None)  # ours
    environment |= spec.get("env", {})
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            spec["argv"],
            cwd=spec["cwd"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(writer,),
        )
    except OSError as error:
        sender.piece("|", f"{spec['argv'][0]}: {error.strerror}".encode())
        sender.end(ended="exit", exit=127, seconds=0.0, reports=[])
        return
    os.close(writer)

    def stop(_number: int, _frame: FrameType | None) -> None:
        kill(process, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    assert process.stdout
    ended, until = "exit", began + spec["timeout"]
    for piece in pieces(process.stdout.fileno(), until):
        if piece:
            sender.piece(*piece)
        if time.monotonic() >= until:
            ended = "timeout"
            kill(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(spec["grace"])
            break
        if process.poll() is not None and piece is None:
            break  # it is gone, and somebody it left behind holds the output open
    code = process.poll()
    if code is None and ended == "exit":
        code = process.wait()
    seconds = time.monotonic() - began
    kill(process, signal.SIGKILL)  # what it left running, or itself
    code = process.wait() if code is None else code
    sender.end(ended=ended, exit=code, seconds=seconds, reports=reports(reader))


def reports(fd: int) -> list[Any]:
    """What came over the private channel, one JSON value a line."""
    os.set_blocking(fd, False)
    said = b""
    with contextlib.suppress(BlockingIOError):
        while len(said) < 1 << 16 and (data := os.read(fd, 1 << 16)):
            said += data
    found = []
    for line in said.splitlines():
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def hardware() -> dict[str, Any]:
    """The fingerprint of the container, as a run on a machine of one's own has it."""
    from autoresearch_git.backends import hardware as machine

    return machine.fingerprint(machine.gpus())


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
