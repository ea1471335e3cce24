"""The git program, started from a cleaned environment so that hooks and callers leak nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from autoresearch_git.errors import GitError, RefChangedError
from autoresearch_git.git.lean import environment

_SETTINGS = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "core.hooksPath=/dev/null")
_RACES = ("cannot lock ref", "is at", "but expected", "stale info", "fetch first", "failed to push")


def identity(name: str = "git-ar", email: str = "git-ar@localhost") -> dict[str, str]:
    """The variables that make `name` both author and committer."""
    both = ("AUTHOR", "COMMITTER")
    return {f"GIT_{w}_NAME": name for w in both} | {f"GIT_{w}_EMAIL": email for w in both}


def git(
    folder: Path | str,
    *args: str,
    stdin: str | bytes = b"",
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
    inherited: Sequence[int] = (),
    limit: float | None = None,
) -> str:
    """Output of `git ARGS` in the folder; GitError (RefChangedError for a lost race) otherwise.

    `inherited` are file descriptors that stay open in git, such as that of a lock. After `limit`
    seconds git is killed with all that it started; it has no terminal then, to ask for a password.
    """
    output = git_bytes(folder, *args, stdin=stdin, env=env, ok=ok, inherited=inherited, limit=limit)
    return output.decode("utf-8", "replace")


def git_bytes(
    folder: Path | str,
    *args: str,
    stdin: str | bytes | IO[bytes] = b"",
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
    inherited: Sequence[int] = (),
    limit: float | None = None,
) -> bytes:
    """As `git`, for output that is not text; stdin may be an open file."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    try:
        process = subprocess.Popen(
            ("git", *_SETTINGS, "-C", str(folder), *args),
            stdin=subprocess.PIPE if isinstance(data, bytes) else data,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment() | dict(env or {}),
            pass_fds=tuple(inherited),
            start_new_session=limit is not None,
        )
    except FileNotFoundError:
        raise GitError("the git program was not found", "install git 2.34 or newer") from None
    with process:
        try:
            out, said = process.communicate(data if isinstance(data, bytes) else None, limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # ssh too, which would hold the pipes open
            raise GitError(f"git {args[0]}: no end after {limit:.0f} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode not in ok:
        raise _error(args, process.returncode, said.decode("utf-8", "replace"))
    return out


def _error(args: Sequence[str], status: int, said: str) -> GitError:
    lines = [line for line in said.splitlines() if line.strip()]
    text = " ".join(lines[-3:]) or f"exit status {status}"
    kind = RefChangedError if any(word in said for word in _RACES) else GitError
    error = kind(f"git {args[0]}: {text}")
    assert isinstance(error, GitError)
    return error
