"""How long reading verbs take, against `python -c "import click"`.

python tests/bench/bench_look.py DIR, where DIR is a repository with a research. Prints medians of
wall and CPU time (children included) and their ratios within the same run; on a busy machine only
those of CPU time mean something.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

VERBS = ("status", "log -n 20", "show", "best", "elites", "near-misses", "conjectures")
ROUNDS = 15


def main(folder: str) -> None:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = "import sys, autoresearch_git.cli as c; c.main(sys.argv[1:])"
    cases = {"import click": [sys.executable, "-c", "import click"]}
    cases |= {v: [sys.executable, "-c", start, *v.split(), "--no-json"] for v in VERBS}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, command in cases.items():
            times[name].append(timed(command, folder, env))
    wall, cpu = middle(times["import click"])
    for name, found in times.items():
        mine = middle(found)
        shown = f"{1000 * mine[0]:7.1f} ms {mine[0] / wall:5.2f}x"
        print(f"{name:<14} {shown}   CPU {1000 * mine[1]:7.1f} ms {mine[1] / cpu:5.2f}x")


def timed(command: list[str], folder: str, env: dict[str, str]) -> tuple[float, float]:
    """(wall, CPU) seconds of one process and its children."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime


def middle(found: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(w for w, _ in found), statistics.median(c for _, c in found)


if __name__ == "__main__":
    main(sys.argv[1])
