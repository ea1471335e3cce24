"""The sandbox of a run, by bubblewrap: what the command may see, write and talk to.

Everything is read-only except the checkout, the shared cache and a private temporary folder;
sockets of the machine's services are hidden, the user's secrets too; there is no network and no
process but its own. When the sandbox dies, the kernel kills all that is in it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

SECRETS = (  # below the home folder
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".git-credentials"),
    *(".pypirc", ".npmrc", ".modal.toml", ".config/gh", ".config/gcloud", ".config/op"),
    *(".config/git/credentials", ".cache/huggingface/token", ".huggingface", ".wandb"),
    *(".local/share/keyrings", ".claude", ".codex", ".gemini", ".bash_history", ".zsh_history"),
)
DEVICES = ("nvidia*", "nvidia-caps", "dri", "kfd", "infiniband")
FIND = ("/bin/sh", "-c", 'exec "$0" "$@"')  # says 127 for what does not exist; bwrap says 1
RUN = ("/run/nvidia-persistenced", "/run/opengl-driver")
NAMES = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf")


@functools.cache
def trouble() -> str:
    """Why there is no sandbox here, "" when it works. Tried once a process (about 10 ms)."""
    program = shutil.which("bwrap")
    if not program:
        return "bubblewrap (bwrap) is not installed"
    try:
        done = subprocess.run(
            (program, *_common(network=False), "--", "/bin/sh", "-c", "exit 0"),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {error}"
    return "" if done.returncode == 0 else f"bubblewrap does not work: {done.stderr.strip()[:200]}"


def wrap(
    argv: Sequence[str],
    *,
    writable: Iterable[Path],
    tmp: Path,
    readable: Iterable[Path] = (),
    network: bool = False,
    home: Path | None = None,
) -> list[str]:
    """The command line that runs `argv` in the sandbox.

    `readable` paths are read-only even inside of a `writable` one, and seen even below /tmp.
    """
    args = [shutil.which("bwrap") or "bwrap", *_common(network)]
    home = home or Path.home()
    for secret in (home / name for name in SECRETS):
        if secret.is_dir():
            args += ["--tmpfs", str(secret)]
        elif secret.exists():
            args += ["--ro-bind", os.devnull, str(secret)]
    args += ["--bind", str(tmp), "/tmp"]
    binds = {path: "--ro-bind" for path in {*_ours(), *map(_real, readable)}}
    binds |= {path: "--bind" for path in map(_real, (tmp, *writable))}
    shared = [path for path, how in binds.items() if how == "--bind"]
    for path in sorted(binds):  # parents first: what is bound later lies on top
        hidden = any(path.is_relative_to(top) for top in (Path("/tmp"), *shared))
        if path.exists() and (hidden or binds[path] == "--bind"):
            args += [binds[path], str(path), str(path)]
    return [*args, "--", *FIND, *argv]


def _common(network: bool) -> list[str]:
    args = ["--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    if not network:
        args.append("--unshare-net")
    if os.geteuid() == 0:
        args += ["--cap-drop", "ALL"]  # root would keep them all, and could mount again
    args += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"]
    for path in (*RUN, *(NAMES if network else ())):
        args += ["--ro-bind-try", path, path]
    for pattern in DEVICES:
        for device in sorted(Path("/dev").glob(pattern)):
            args += ["--dev-bind", str(device), str(device)]
    return args


def _ours() -> set[Path]:
    """Where the interpreter and its packages are: usually not below /tmp, but then needed."""
    found = {sys.prefix, sys.base_prefix, str(Path(sys.executable).parent), *sys.path}
    return {_real(Path(path)) for path in found if os.path.isabs(path)}


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
