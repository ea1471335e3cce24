"""From a job and its slot to a running supervisor: command line, environment, sandbox."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from autoresearch_git.backends import environment, sandbox, uv
from autoresearch_git.backends.base import Job, Options
from autoresearch_git.backends.slots import Slot
from autoresearch_git.errors import ContractError

SUPERVISOR = Path(__file__).with_name("supervisor.py")
SHELL = re.compile(r"[|&;<>()$`*?\[\]#~\n]|^\s*\w+=")  # what only a shell understands
HEAD = TAIL = 4 << 20  # bytes of log that are kept from either end


def prepare(job: Job, slot: Slot, tree: Path, options: Options) -> dict[str, str]:
    """Make the run's folders and its environment; may download what uv is asked for."""
    tmp = slot.folder / "tmp"
    shutil.rmtree(tmp, ignore_errors=True)
    for folder in (tmp, cache(options), job.log.parent):
        folder.mkdir(parents=True, exist_ok=True)
    env = environment.build(
        cache(options),
        tmp,
        python=environment.python_folder(options.folder),
        seed=job.seed,
        marks={"AR_RUN": job.run, "AR_SLOT": str(slot.file)},
        gpus=[gpu.index for gpu in slot.gpus],
        threads=len(slot.cores) or None,
        network=options.network,
        extra=job.env,
    )
    shared = options.folder / "envs"
    return env | uv.variables(job.command, tree / job.folder, shared, env, options.network)


def start(
    job: Job, slot: Slot, tree: Path, options: Options, env: Mapping[str, str], *, sandboxed: bool
) -> subprocess.Popen[bytes]:
    """Start the supervisor, which starts the command at once."""
    argv = words(job.command)
    if sandboxed:
        argv = sandbox.wrap(
            argv,
            writable=(tree, cache(options)),
            tmp=slot.folder / "tmp",
            readable=_readable(job, options, env),
            network=options.network,
        )
    spec = {
        "argv": argv,
        "cwd": str(tree / job.folder),
        "log": str(job.log),
        "head": HEAD,
        "tail": TAIL,
        "timeout": job.timeout,
        "grace": job.grace,
        "disk": job.disk,
        "watched": [str(tree), str(slot.folder / "tmp")],
        "cores": list(slot.cores),
        "locks": list(slot.locks),
        "sandboxed": sandboxed,
    }
    return subprocess.Popen(
        (sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(spec)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=env,
        pass_fds=slot.locks,
        start_new_session=True,  # Ctrl-C in the terminal is for us, not for it
    )


def words(command: str) -> list[str]:
    """The command as an argument list; through the shell only where it needs one."""
    if SHELL.search(command):
        return ["/bin/sh", "-c", command]
    try:
        found = shlex.split(command)
    except ValueError as error:
        raise ContractError(f"the command cannot be read: {error}: {command}") from None
    if not found:
        raise ContractError("the contract has no command", "set one in autoresearch.toml")
    return found


def cache(options: Options) -> Path:
    """The folder that all runs may write: compiled kernels and the like."""
    return options.cache or options.folder / "cache"


def _readable(job: Job, options: Options, env: Mapping[str, str]) -> list[Path]:
    """What must be seen though /tmp is private, and what nobody may change though it is cached."""
    found = [*options.readable, *job.data, options.folder / "envs", options.folder / "bin"]
    program = shutil.which(words(job.command)[0], path=env["PATH"])
    named = (env.get("AUTORESEARCH_CACHE"), program and os.path.dirname(program))
    found += [Path(path) for path in named if path and os.path.isabs(path)]
    # Prepared data lies in folders of the cache: a run may add to it, not alter what is there.
    with os.scandir(cache(options)) as entries:
        kernels = environment.CACHES.values()
        return found + [Path(e.path) for e in entries if e.is_dir() and e.name not in kernels]
