"""Waiting for the worker, and hook events as clients send them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from autoresearch_git.hooks import queue
from tests.support import TRAIN, Sandbox


def research(sandbox: Sandbox) -> None:
    """A research with a protected file, on its branch."""
    sandbox.commit(prepare__py="EVAL_TOKENS = 1000\n")
    flags = ("--metric", "val_bpb", "--branch", "demo", "--protect", "prepare.py")
    sandbox.ok("init", *flags, "--budget", "0.1")  # what the stand-in says that it trained
    sandbox.git("switch", "-q", "autoresearch/demo")


def idea(sandbox: Sandbox, width: int, message: str = "") -> str:
    """An experiment committed by hand."""
    sandbox.write("train.py", TRAIN.replace("WIDTH = 256", f"WIDTH = {width}"))
    sandbox.git("commit", "-qam", message or f"exp: WIDTH 256 -> {width}")
    return sandbox.git("rev-parse", "HEAD")


def settled(folder: Path, seconds: float = 60.0) -> None:
    """Wait until the queue is empty and its worker gone."""
    private = folder / ".git" / "ar"
    until = time.monotonic() + seconds
    while queue.pending(private) or queue.working(private):
        assert time.monotonic() < until, (private / "worker.log").read_text()
        time.sleep(0.05)


def event(sandbox: Sandbox, kind: str, client: str = "codex", **fields: Any) -> Any:
    """`git ar hook` with a payload on stdin, in a process of its own."""
    payload = {"hook_event_name": kind, "cwd": str(sandbox.folder), **fields}
    return subprocess.run(
        (sys.executable, "-m", "autoresearch_git", "hook", "--client", client, kind),
        input=json.dumps(payload),
        cwd=sandbox.folder,
        capture_output=True,
        text=True,
        check=False,
    )
