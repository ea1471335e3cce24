"""What the Modal backend costs beyond the command itself, on the fake service.

python -m tests.bench.bench_modal [RUNS AT ONCE]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from autoresearch_git.backends.execute import execute
from autoresearch_git.backends.modal.backend import ModalBackend
from autoresearch_git.records import Run
from tests.backends.lab import SUMMARY, Lab
from tests.fake_modal.client import service

NAP = 2.0
LONG = 10.0  # seconds of the runs that go at once; real ones take 300


def overhead(folder: Path, rounds: int = 7) -> list[float]:
    """Seconds of `git ar run` of one experiment beyond its command, each a process of its own."""
    lab = Lab(folder)
    lab.commit(train__py=f"import time\ntime.sleep({NAP})\n{SUMMARY}")
    ar = (sys.executable, "-m", "autoresearch_git")
    lab.git("config", "user.name", "a")
    lab.git("config", "user.email", "a@b")

    def call(*words: str) -> None:
        subprocess.run((*ar, *words), cwd=lab.repo, check=True, capture_output=True)

    call("init", "--target", "train.py", "--metric", "val_bpb", "--branch", "bench")
    for name, value in (("ar.backend", "modal"), ("ar.modal.packages", "numpy")):
        lab.git("config", name, value)
    call("propose")
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call("run", "--replicate", "autoresearch/bench")
        found.append(time.perf_counter() - began - NAP)
    return found


def first_line(folder: Path) -> float:
    """Seconds from a line's printing to its update."""
    lab = Lab(folder)
    backend = ModalBackend(lab.options(jobs=1, extra={"packages": "numpy"}))
    script = "import time\nprint('at', time.time(), flush=True)\ntime.sleep(1)\n" + SUMMARY
    handle = backend.submit(lab.job(script))
    seen = 0.0
    for update in backend.stream(handle):
        if update.line.startswith("at ") and not seen:
            seen = time.time() - float(update.line.split()[1])
    backend.result(handle)
    return seen


def at_once(folder: Path, count: int) -> float:
    """Wall seconds of so many runs at once from one client, over the seconds of the longest."""
    lab = Lab(folder)
    backend = ModalBackend(lab.options(jobs=count, extra={"packages": "numpy"}))
    runs: list[Run] = []
    jobs = [lab.job(f"import time\ntime.sleep({LONG})\n{SUMMARY}# {n}\n") for n in range(count)]
    jobs = [replace(job, timeout=120.0) for job in jobs]
    execute(jobs[0], backend)  # connects
    began = time.perf_counter()
    threads = [
        threading.Thread(target=lambda job=job: runs.append(execute(job, backend)))
        for job in jobs[1:]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.outcome for run in runs} == {"ok"}
    return (time.perf_counter() - began) / max(run.seconds for run in runs)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("one", "line", "many"):
            (folder / name).mkdir()
        with service(folder / "fake") as fake:
            os.environ.update(fake.environment)
            beyond = overhead(folder / "one")
            print(f"one run beyond its command: {statistics.median(beyond):.2f} s, {beyond}")
            print(f"a line is seen after {first_line(folder / 'line'):.2f} s")
            many = at_once(folder / "many", count + 1)
            print(f"{count} runs at once: {many:.2f} times the longest")


if __name__ == "__main__":
    main()
