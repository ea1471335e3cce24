"""How long reading verbs take, against `python -c "import click"`.

python tests/bench/bench_look.py DIR, where DIR is a repository with a research. Prints medians,
and their ratios within the same run.
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
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, command in cases.items():
            begin = time.perf_counter()
            subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True)
            times[name].append(time.perf_counter() - begin)
    base = statistics.median(times["import click"])
    for name, found in times.items():
        middle = statistics.median(found)
        print(f"{name:<14} {1000 * middle:7.1f} ms  {middle / base:.2f}x")


if __name__ == "__main__":
    main(sys.argv[1])
