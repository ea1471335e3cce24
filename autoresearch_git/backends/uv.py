"""One environment per dependency set for `uv run`, made before the clock starts.

Left alone, uv would make a `.venv` in every checkout, and would want the network while it runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from autoresearch_git.errors import HarnessError

PATIENCE = 1800  # seconds for the first download of all dependencies
DECIDES = ("pyproject.toml", "uv.lock", ".python-version")
PLAIN = ("--all-extras", "--all-groups", "--no-dev", "--no-default-groups")
VALUED = ("--extra", "--group", "--no-group", "--only-group", "--python", "-p")


def variables(
    command: str, folder: Path, shared: Path, env: Mapping[str, str], network: bool
) -> dict[str, str]:
    """What to add to the environment of a `uv run` command in the folder; {} for any other.

    Makes the environment below `shared` if its dependency set is new; HarnessError if uv cannot.
    """
    words = _words(command)
    if words[:2] != ["uv", "run"] or not (folder / "pyproject.toml").is_file():
        return {}
    options = _options(words[2:])
    target = shared / _key(folder, options)
    _sync(folder, target, options, env)
    found = {"UV_PROJECT_ENVIRONMENT": str(target), "UV_NO_SYNC": "1", "UV_NO_CACHE": "1"}
    found["VIRTUAL_ENV"] = str(target)
    if not network:
        found["UV_OFFLINE"] = "1"
    if "[build-system]" in (folder / "pyproject.toml").read_text(encoding="utf-8"):
        source = folder / "src"  # the project itself is not installed: that would be one checkout
        found["PYTHONPATH"] = str(source if source.is_dir() else folder)
    return found


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _options(words: list[str]) -> list[str]:
    """The options of `uv run` that choose dependencies, as `uv sync` takes them too."""
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            break
        if word in PLAIN or word.startswith(tuple(f"{name}=" for name in VALUED)):
            found.append(word)
        elif word in VALUED:
            found += [word, next(rest, "")]
    return found


def _key(folder: Path, options: list[str]) -> str:
    digest = hashlib.sha256("\0".join(options).encode())
    for name in DECIDES:
        file = folder / name
        digest.update(name.encode() + (file.read_bytes() if file.is_file() else b"\0"))
    return digest.hexdigest()[:16]


def _sync(folder: Path, target: Path, options: list[str], env: Mapping[str, str]) -> None:
    done = target / "complete.git-ar"
    if done.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the other slots wait for the one that makes it
        if done.exists():
            return
        frozen = ["--frozen"] if (folder / "uv.lock").is_file() else []
        command = ["uv", "sync", "--no-install-project", "--no-progress", *frozen, *options]
        inner = {**env, "UV_PROJECT_ENVIRONMENT": str(target), "TMPDIR": _tmp()}
        inner.pop("VIRTUAL_ENV", None)
        try:
            made = subprocess.run(
                command,
                cwd=folder,
                env=inner,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise HarnessError(f"uv sync: {error}", "is uv installed?") from None
        if made.returncode:
            said = " ".join(made.stderr.split())[-300:]
            raise HarnessError(f"uv sync failed: {said}", "try it yourself: uv sync")
        done.touch()


def _tmp() -> str:
    return os.environ.get("TMPDIR", "/tmp")
