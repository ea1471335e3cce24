"""A Ray cluster of our own with fake GPUs: nodes are started, and killed by their mark."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autoresearch_git.backends.orphans import reap

RUNS = Path(tempfile.gettempdir(), f"git-ar-ray-{os.getuid()}")  # where a node keeps them
ADDRESS = "127.0.0.1:6399"
MARK = "RAY_LAB_NODE"
LONELY = 'ip link set lo up && exec "$@"'  # in a network of nothing but loopback


def lonely() -> list[str]:
    """What a command is started with so that it has loopback only; [] where that cannot be had.

    It has process numbers of its own too, so that nothing of it outlives it.
    """
    for user in ((), ("--map-root-user",)):
        prefix = ["unshare", *user, "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
        prefix += ["sh", "-c", LONELY, "sh"]
        if not (shutil.which("unshare") and shutil.which("ip")):
            break
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return []


def environment(home: Path) -> dict[str, str]:
    """Of clusters and clients: a home of their own, and no talk to anybody."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "AR_", "GIT_"))}
    return kept | {
        "HOME": str(home),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }


class Cluster:
    """A head and more nodes, each a process tree."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="arl-", dir="/tmp"))  # sockets: a short path

    def start(self, name: str, gpus: int, cpus: int) -> None:
        """A node, the first of which is the head; returns when it has joined."""
        where = ["--head", "--port", ADDRESS.rpartition(":")[2]]
        where += ["--temp-dir", str(self.folder / "ray"), "--include-dashboard", "false"]
        first = not list(self.folder.glob("*.log"))
        argv = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block"]
        argv += where if first else ["--address", ADDRESS]
        argv += ["--num-gpus", str(gpus), "--num-cpus", str(cpus)]
        argv += ["--object-store-memory", str(100 << 20), "--disable-usage-stats"]
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                argv, stdout=out, stderr=out, env=dict(os.environ) | {MARK: self.mark(name)}
            )
        until = time.monotonic() + 120
        while b"runtime started" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text())
            time.sleep(0.1)

    def mark(self, name: str) -> str:
        return f"{self.folder.name}/{name}"

    def kill(self, name: str) -> int:
        """KILL all of a node, runs and all; how many processes it was."""
        return len(reap(MARK, self.mark(name)))

    def close(self) -> None:
        for log in self.folder.glob("*.log"):
            self.kill(log.stem)
        shutil.rmtree(self.folder, ignore_errors=True)
