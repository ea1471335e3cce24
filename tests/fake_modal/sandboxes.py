"""A sandbox of the fake: a local process whose absolute paths lie below a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from modal_proto import api_pb2

Status = api_pb2.GenericResult


@dataclass
class Box:
    """One sandbox: its process, its output so far, and how it ended."""

    id: str
    name: str
    app: str
    tags: dict[str, str]
    root: Path
    argv: list[str]
    env: dict[str, str]
    workdir: str
    timeout: float
    places: list[str]  # absolute paths of the container that mean something below root
    made: float = field(default_factory=time.time)
    task: str = ""
    log: bytearray = field(default_factory=bytearray)
    process: asyncio.subprocess.Process | None = None
    result: api_pb2.GenericResult | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def local(self, text: str) -> str:
        """The text with the container's paths turned into those below root."""
        places = "|".join(re.escape(place) for place in self.places)
        return re.sub(rf"(?<![\w./-])(?:{places})(?![\w-])", lambda m: f"{self.root}{m[0]}", text)

    async def run(self, delay: float, end: str, after: float) -> None:
        """Schedule, run to its end (or to the one that a knob asks for), and say so."""
        await asyncio.sleep(delay)
        if self.result:
            return  # terminated while it waited
        self.task = f"ta-{self.id[3:]}"
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(self.root)}
        env |= {name: self.local(value) for name, value in self.env.items()}
        self.process = await asyncio.create_subprocess_exec(
            *[self.local(word) for word in self.argv],
            cwd=self.local(self.workdir) if self.workdir else self.root,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        async with self.changed:
            self.changed.notify_all()
        reader = asyncio.create_task(self._read())
        limit = after if end else self.timeout
        try:
            code = await asyncio.wait_for(self.process.wait(), limit)
            status = Status.GENERIC_STATUS_SUCCESS if code == 0 else Status.GENERIC_STATUS_FAILURE
            told = (status, code & 255)
        except asyncio.TimeoutError:
            self.kill()
            status = getattr(Status, f"GENERIC_STATUS_{end or 'TIMEOUT'}")
            told = (status, 0 if end else 124)
        await reader
        await self.finish(*told)

    async def finish(self, status: int, code: int) -> None:
        async with self.changed:
            if not self.result:
                self.result = Status(status=status, exitcode=code)  # type: ignore[arg-type]
            self.changed.notify_all()

    def kill(self) -> None:
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    async def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        while data := await self.process.stdout.read(1 << 16):
            async with self.changed:
                self.log += data
                self.changed.notify_all()
