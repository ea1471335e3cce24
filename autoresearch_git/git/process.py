"""The git program, started from a cleaned environment so that hooks and callers leak nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

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
) -> str:
    """Output of `git ARGS` in the folder; GitError (RefChangedError for a lost race) otherwise.

    `inherited` are file descriptors that stay open in git, such as that of a lock.
    """
    output = git_bytes(folder, *args, stdin=stdin, env=env, ok=ok, inherited=inherited)
    return output.decode("utf-8", "replace")


def git_bytes(
    folder: Path | str,
    *args: str,
    stdin: str | bytes | IO[bytes] = b"",
    env: Mapping[str, str] | None = None,
    ok: Sequence[int] = (0,),
    inherited: Sequence[int] = (),
) -> bytes:
    """As `git`, for output that is not text; stdin may be an open file."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    source: dict[str, Any] = {"input": data} if isinstance(data, bytes) else {"stdin": data}
    try:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            ("git", *_SETTINGS, "-C", str(folder), *args),
            **source,
            capture_output=True,
            env=environment() | dict(env or {}),
            check=False,
            pass_fds=tuple(inherited),
        )
    except FileNotFoundError:
        raise GitError("the git program was not found", "install git 2.34 or newer") from None
    if done.returncode not in ok:
        raise _error(args, done.returncode, done.stderr.decode("utf-8", "replace"))
    return done.stdout


def _error(args: Sequence[str], status: int, said: str) -> GitError:
    lines = [line for line in said.splitlines() if line.strip()]
    text = " ".join(lines[-3:]) or f"exit status {status}"
    kind = RefChangedError if any(word in said for word in _RACES) else GitError
    error = kind(f"git {args[0]}: {text}")
    assert isinstance(error, GitError)
    return error
