"""The Ray backend when things die: workers and a whole node are killed, then the books are checked.

python -m tests.bench.bench_ray [RUNS]     stand-in runs on 4 fake GPUs: 3 workers, 1 node killed

Where it can be had it runs in a network that has loopback only.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from autoresearch_git.backends import BACKENDS
from autoresearch_git.backends.base import Options
from autoresearch_git.stages.claim import claim
from autoresearch_git.stages.pool import Flights, spread
from autoresearch_git.stages.run import perform
from tests.bench.bench_run import FORKS, make, recorded
from tests.ray.lab import ADDRESS, RUNS, Cluster, environment, lonely

JOBS = 4  # at once: one a GPU


def campaign(folder: Path, count: int) -> dict[str, object]:
    """So many runs on two nodes of two GPUs; what was recorded, and what must be zero."""
    cluster = Cluster()
    try:
        cluster.start("head", gpus=2, cpus=4)
        cluster.start("second", gpus=2, cpus=4)
        research = make(folder, FORKS, count)
        options = Options(
            folder=research.memory.place.private,
            jobs=JOBS,
            sandbox=False,
            cache=folder / "cache",
            extra={"address": ADDRESS},
        )
        backend = BACKENDS["ray"](options)
        done: list[float] = []
        killed: list[str] = []
        stop = threading.Event()
        killer = threading.Thread(target=_kill, args=(cluster, done, count, killed, stop))
        began = time.monotonic()
        killer.start()

        def one(job: object) -> None:
            perform(job, backend)  # type: ignore[arg-type]
            done.append(time.monotonic() - began)

        experiments = research.memory.index.select("verdict = 'proposed'")
        jobs = (job for e in experiments if (job := claim(research, e, backend="ray")))
        spread(jobs, one, JOBS, Flights(backend))
        wall = time.monotonic() - began
        stop.set()
        killer.join()
        research.memory.refresh()
        runs = [run for e in recorded(research) for run in e.runs]
        lost = [why for run in runs for why in run.checks["facts"].get("lost", ())]
        return {
            "runs": len(runs),
            "outcomes": dict(Counter(run.outcome for run in runs)),
            "twice": len(runs) - len({run.run for run in runs}),
            "missing": count - len(runs),
            "in flight": sum(e.lease is not None for e in recorded(research)),
            "killed": killed,
            "attempts lost": len(lost),
            "not ok": [run.detail for run in runs if run.outcome != "ok"],
            "seconds": round(wall, 1),
            "of the command": round(sum(run.seconds for run in runs) / JOBS, 1),
        }
    finally:
        cluster.close()


def _kill(
    cluster: Cluster, done: list[float], count: int, killed: list[str], stop: threading.Event
) -> None:
    """A worker after each fifth of the runs, and the second node in the middle."""
    rng = random.Random(0)
    plan = [(0.2, "worker"), (0.4, "worker"), (0.5, "node"), (0.7, "worker")]
    for share, what in plan:
        while len(done) < share * count and not stop.is_set():
            time.sleep(0.05)
        if what == "node":
            killed.append(f"node ({cluster.kill('second')} processes)")
            continue
        while not stop.is_set():
            pids = [int(f.name.rpartition(".")[2]) for f in RUNS.glob("*.*")]
            alive = [pid for pid in pids if Path("/proc", str(pid)).exists()]
            if alive:
                os.kill(rng.choice(alive), signal.SIGKILL)
                killed.append("worker")
                break
            time.sleep(0.02)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    if "--inside" not in sys.argv:
        with tempfile.TemporaryDirectory(prefix="bench-ray-") as home:
            prefix, env = lonely(), environment(Path(home))
            env |= {"RAY_AUTH_MODE": "disabled"} if prefix else {}
            argv = [*prefix, sys.executable, "-m", "tests.bench.bench_ray", str(count), "--inside"]
            return subprocess.run(argv, env=env, check=False).returncode
    with tempfile.TemporaryDirectory(prefix="bench-ray-") as folder:
        for name, value in campaign(Path(folder), count).items():
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
