"""One call of an agent: in a process group of its own, without stdin, within its limits."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from autoresearch_git.agent import usage
from autoresearch_git.agent.usage import Usage
from autoresearch_git.backends.proctree import descendants

KEPT = 2_000_000  # bytes of output that are kept, the last ones
GRACE = 5.0  # seconds between TERM and KILL
_ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


@dataclass(frozen=True)
class Limits:
    """Of one call; None is no limit. Tokens and dollars are read from what the agent prints."""

    seconds: float = 600.0
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class Call:
    """How a call ended."""

    ended: str  # ok | failed | timeout | tokens | usd | missing
    seconds: float
    exit: int | None
    usage: Usage
    said: str  # the end of its stderr


def call(
    words: Sequence[str],
    folder: Path,
    output: str,
    limits: Limits,
    secrets: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
    out: Path | None = None,
) -> Call:
    """Run an agent in a folder; never raises for what the agent does."""
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(words),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(folder, secrets) | dict(extra or {}),
            start_new_session=True,
        )
    except OSError as error:
        return Call("missing", 0.0, None, Usage(), f"{words[0]}: {error.strerror}")
    assert process.stdout
    assert process.stderr
    streams = [_Tail(process.stdout), _Tail(process.stderr)]
    ended = _watch(process, streams[0], output, limits, start)
    _end(process)
    for stream in streams:
        stream.join(GRACE)
    seconds = time.monotonic() - start
    trajectory = out.read_text(encoding="utf-8", errors="replace") if out and out.exists() else ""
    found = usage.read(output, streams[0].text(), trajectory)
    if ended == "ok" and process.returncode:
        ended = "failed"
    if ended == "ok" and (over := _over(found, limits)):
        ended = over
    return Call(ended, seconds, process.returncode, found, streams[1].text()[-2000:])


def environment(folder: Path, secrets: Sequence[str]) -> dict[str, str]:
    """What an agent sees: where programs are, its own secrets, and how deep it is in git ar."""
    kept = {k: v for k, v in os.environ.items() if k in _ENVIRONMENT or k in secrets}
    depth = int(os.environ.get("GIT_AR_DEPTH", "0") or "0") + 1
    return kept | {
        "TERM": "dumb",
        "GIT_AR_DEPTH": str(depth),
        "GIT_CEILING_DIRECTORIES": str(folder.parent),  # no repository around the checkout
        "GIT_TERMINAL_PROMPT": "0",
        "TMPDIR": tempfile.gettempdir(),
    }


def _watch(
    process: subprocess.Popen[bytes], stdout: _Tail, output: str, limits: Limits, start: float
) -> str:
    while True:
        left = start + limits.seconds - time.monotonic()
        if left <= 0:
            return "timeout"
        try:
            process.wait(left if limits.tokens is None and limits.usd is None else min(left, 1.0))
            return "ok"
        except subprocess.TimeoutExpired:
            pass
        if over := _over(usage.read(output, stdout.text()), limits):
            return over


def _over(found: Usage, limits: Limits) -> str:
    if limits.tokens is not None and found.tokens > limits.tokens:
        return "tokens"
    return "usd" if limits.usd is not None and found.usd > limits.usd else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the agent and all that it started; nothing of it goes on in the background."""
    below = list(descendants(process.pid)) if process.poll() is None else []
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in below:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


class _Tail(threading.Thread):
    """Reads a stream to its end and keeps the last KEPT bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self.stream, self.kept = stream, bytearray()
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := self.stream.read1(65536):  # type: ignore[attr-defined]
                self.kept += data
                del self.kept[:-KEPT]

    def text(self) -> str:
        return bytes(self.kept).decode("utf-8", "replace")
