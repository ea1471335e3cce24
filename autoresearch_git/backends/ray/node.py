"""One run on a node: its files, its supervisor, and what that says. Runs in the actor's process.

It imports only what is of the standard library, or ours and so itself: a node has no msgspec and
no pygit2.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoresearch_git.backends import hardware, launch, sandbox
from autoresearch_git.backends.base import Job, Options
from autoresearch_git.backends.orphans import reap
from autoresearch_git.backends.slots import Slot
from autoresearch_git.errors import HarnessError

LINGER = 600.0  # seconds for which a result waits for a client, and a place for its files
WAIT = 1.0  # seconds that a question for news waits for some
LINK = 0o120000


class NodeRun:
    """A run from its files to the last of its processes."""

    def __init__(self, job: bytes, setup: Mapping[str, Any]) -> None:
        given: Job = pickle.loads(job)
        self.home = Path(tempfile.gettempdir(), f"git-ar-ray-{os.getuid()}")
        _sweep(self.home)
        self.folder = self.home / f"{given.run}.{os.getpid()}"
        (self.folder / "tree").mkdir(parents=True)
        self.lock = _lock(self.folder, os.O_CREAT)  # dropped by the kernel when this process ends
        gpus, visible = hardware.gpus(), os.environ.get("CUDA_VISIBLE_DEVICES", "")
        cache = setup["cache"] or os.environ.get("AUTORESEARCH_CACHE") or "~/.cache/autoresearch"
        self.options = Options(
            folder=self.folder,
            network=setup["network"],
            cache=Path(cache).expanduser(),
            sandbox=setup["sandbox"],
        )
        # Ray gave the GPUs out, and what it gave out counts: nvidia-smi may not know of it.
        env = {"CUDA_VISIBLE_DEVICES": visible} | dict(given.env)
        self.job = replace(given, log=self.folder / "log", env=env)
        cpus = float(setup["cpus"])
        name = os.uname().nodename + (f" gpu-{visible.replace(',', '+')}" if visible else "")
        self.slot = Slot(name, self.folder, (), cpus, gpus, ())
        self.threads = "" if visible else str(max(1, int(cpus)))
        self.lines: list[tuple[float, str]] = []
        self.last: dict[str, Any] | None = None
        self.news = threading.Condition()
        self.running = False
        self.asked = time.monotonic()
        threading.Thread(target=self._leave_when_forgotten, daemon=True).start()

    def place(self) -> str:
        """Where this is, for the lease; also the sign that the actor has its place."""
        return self.slot.name

    def start(self, files: Mapping[str, tuple[int, bytes]]) -> dict[str, Any]:
        """Write the files and start the command; the fingerprint of what it runs on."""
        self.asked = time.monotonic()
        self.bare = "switched off" if self.options.sandbox is False else sandbox.trouble()
        if self.bare and self.options.sandbox:
            raise HarnessError(f"no sandbox on {self.slot.name}: {self.bare}")
        if busy := hardware.gpu_processes(self.slot.gpus, patience=hardware.TEARDOWN):
            raise HarnessError(f"a GPU of {self.slot.name} is in use by others: {busy}")
        tree = self.folder / "tree"
        for path, (mode, data) in files.items():
            write(tree / path, mode, data)
        env = launch.prepare(self.job, self.slot, tree, self.options)
        if self.threads:
            env |= {name: self.threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        self.process = launch.start(
            self.job, self.slot, tree, self.options, env, sandboxed=not self.bare
        )
        self.running = True
        threading.Thread(target=self._listen, daemon=True).start()
        print_ = hardware.fingerprint(self.slot.gpus, self.slot.share, self.job.data)
        self.fingerprint = print_
        return print_

    def said(self, seen: int) -> tuple[list[tuple[float, str]], bool]:
        """Updates from number `seen` on, and whether the command has ended; waits for news."""
        with self.news:
            self.news.wait_for(lambda: len(self.lines) > seen or self.last is not None, WAIT)
            self.asked = time.monotonic()
            return self.lines[seen:], self.last is not None

    def cancel(self, word: str) -> None:
        """A word for the supervisor, as `LocalBackend.cancel` says it."""
        if self.running and self.process.stdin:
            with contextlib.suppress(OSError, ValueError):
                os.write(self.process.stdin.fileno(), word.encode())

    def end(self) -> dict[str, Any]:
        """All that is left of the run, once; its folder is removed."""
        left = hardware.gpu_processes(self.slot.gpus, patience=hardware.TEARDOWN)
        found = {
            **(self.last or {}),
            "output": self.job.log.read_bytes() if self.job.log.exists() else b"",
            "hardware": self.fingerprint,
            "place": self.slot.name,
            "bare": self.bare,
            "gpu_left": left,
        }
        shutil.rmtree(self.folder, ignore_errors=True)
        return found

    def _listen(self) -> None:
        assert self.process.stdout
        last: dict[str, Any] = {}
        for raw in self.process.stdout:
            said = json.loads(raw)
            last = said.get("end", last)
            if "line" in said:
                with self.news:
                    self.lines.append((said["seconds"], said["line"]))
                    self.news.notify_all()
        self.process.wait()
        if not last:
            killed = reap("AR_RUN", self.job.run)
            last = {"ended": "killed", "why": "its supervisor was killed", "leftover": killed}
        with self.news:
            self.last, self.running, self.asked = last, False, time.monotonic()
            self.news.notify_all()

    def _leave_when_forgotten(self) -> None:
        """A client that died and was not replaced must not hold the place for ever."""
        while self.running or time.monotonic() - self.asked < LINGER:
            time.sleep(1.0)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGKILL)


def write(path: Path, mode: int, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == LINK:
        os.symlink(os.fsdecode(data), path)
        return
    path.write_bytes(data)
    path.chmod(mode & 0o777)


def _sweep(home: Path) -> None:
    """End and remove what killed actors left on this node.

    Whether one lives is asked of its lock: containers that share a /tmp do not share pids.
    """
    home.mkdir(mode=0o700, exist_ok=True)
    for folder in home.iterdir():
        with contextlib.suppress(OSError):  # in use, or just made, or removed meanwhile
            held = _lock(folder)
            reap("AR_RUN", folder.name.rpartition(".")[0])
            shutil.rmtree(folder, ignore_errors=True)
            os.close(held)


def _lock(folder: Path, create: int = 0) -> int:
    """The descriptor of a run's locked file. OSError if somebody holds it, or there is none."""
    handle = os.open(folder / "lock", os.O_RDWR | create, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
