"""Figures of running: overhead, throughput, kills. Needs a machine with nothing else to do.

python tests/bench/bench_run.py overhead [RUNS]      seconds a run beyond its command
python tests/bench/bench_run.py stages [RUNS]        all four stages, as a loop and as a pipe
python tests/bench/bench_run.py throughput [SECONDS] N workers against one, sleeping commands
python tests/bench/bench_run.py cores [RUNS]         real training, pinned: two workers to one
python tests/bench/bench_run.py kills [KILLS]        random kills, then the books are checked
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from autoresearch_git.backends import BACKENDS, hardware, proctree, slots  # noqa: E402
from autoresearch_git.backends.base import Options  # noqa: E402
from autoresearch_git.backends.orphans import marked  # noqa: E402
from autoresearch_git.errors import BusyError  # noqa: E402
from autoresearch_git.memory.store import Memory  # noqa: E402
from autoresearch_git.records import Event, Experiment, Plan  # noqa: E402
from autoresearch_git.research import Research  # noqa: E402
from autoresearch_git.stages.claim import claim, reclaim  # noqa: E402
from autoresearch_git.stages.pool import Flights, spread  # noqa: E402
from autoresearch_git.stages.run import perform  # noqa: E402

NAP = 0.5  # seconds of a command in `stages`
NAPS = f"""import time, zlib
time.sleep({NAP})
print(f"---\\nval_bpb: {{1 + zlib.crc32(open('train.py', 'rb').read()) / 2**32 * 0.01}}")
"""
SUMMARY = "print('---\\nval_bpb: 1.25')\n"
SLEEPS = "import time; time.sleep(%s)\n" + SUMMARY
TRAINS = """import time, torch
torch.set_num_threads(1)
x, w = torch.randn(256, 512), torch.randn(512, 512, requires_grad=True)
began, steps = time.monotonic(), 0
while time.monotonic() - began < 6.0:
    (x @ w).relu().square().mean().backward()
    steps += 1
print(f'---\\nval_bpb: 1.25\\nnum_steps: {steps}')
"""
ON_GPU = """import time, torch
x = torch.randn(8192, 8192, device='cuda', dtype=torch.bfloat16)
w = torch.randn(8192, 8192, device='cuda', dtype=torch.bfloat16, requires_grad=True)
for _ in range(20): (x @ w).relu().sum().backward()
torch.cuda.synchronize()
began, steps, total = time.monotonic(), 0, %s
while (spent := time.monotonic() - began) < total:
    for _ in range(20): (x @ w).relu().sum().backward()
    torch.cuda.synchronize()
    steps += 20
    speed = steps * 8192 / (spent + 1e-9)
    print(f'{spent / total:.1%%} | loss: 1.0 | tok/sec: {speed:.0f}', end='\\r')
print(f'\\n---\\nval_bpb: 1.25\\nsteps_a_second: {steps / (time.monotonic() - began):.3f}')
"""
# A command with a grandchild in a session of its own, that takes about half a second.
FORKS = (
    """import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(30)
    os._exit(0)
time.sleep(0.4)
"""
    + SUMMARY
)


def make(folder: Path, script: str, count: int, timeout: str = "20s") -> Research:
    """A research with `count` proposed experiments that all run the script."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONPATH": str(ROOT)}
    who = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    (folder / "train.py").write_text(script)
    for args in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "start"]):
        subprocess.run(["git", *args], cwd=folder, env=env, check=True)
    init = ["init", "--target", "train.py", "--metric", "val_bpb", "--command", "python train.py"]
    ar = [
        sys.executable,
        "-m",
        "autoresearch_git",
        *init,
        "--timeout",
        timeout,
        "--branch",
        "bench",
    ]
    subprocess.run(ar, cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)
    research = Research.open(folder)
    repo, tip = research.repo, research.tip
    for number in range(count):
        tree = repo.tree_with(repo.tree(tip), {"train.py": f"{script}# {number}\n"})
        commit = repo.write_commit(tree, [tip], f"experiment {number}\n", repo.user, repo.user)
        plan = Plan(emitter="person", phase="explore", change=f"number {number}", parent=tip)
        said = Event(kind="propose", commit=commit, tree=tree, plan=plan)
        research.memory.append(said)
    return research


def drive(folder: Path, jobs: int, sandbox: bool | None) -> None:
    """Run everything that is proposed and not yet run, as a loop does, and take up what died."""
    research = Research.open(folder)
    backend = BACKENDS["local"](
        Options(folder=research.memory.place.private, jobs=jobs, sandbox=sandbox)
    )
    reclaim(research, backend)
    own, claiming = threading.local(), threading.Lock()

    def one(experiment: Experiment) -> None:
        if not hasattr(own, "research"):
            own.research = Research.open(folder)
        with contextlib.suppress(BusyError):
            with claiming:
                job = claim(own.research, experiment)
            if job:
                perform(job, backend)

    todo = research.memory.index.select("verdict = 'proposed' ORDER BY seq")
    spread(todo, one, jobs, Flights(backend))


def recorded(research: Research) -> list[Experiment]:
    """All experiments, as a fresh look at the memory finds them."""
    return Memory(research.memory.place).index.select("1 ORDER BY seq")


def overhead(runs: int) -> None:
    """Wall and CPU seconds a run beyond its command: claim, checkout, start, record."""
    for sandbox in (False, None):
        with _folder() as folder:
            research = make(folder, SUMMARY, runs)
            began, before = time.monotonic(), _cpu()
            drive(folder, 1, sandbox)
            wall, cpu = time.monotonic() - began, _cpu() - before
            research.memory.refresh()
            done = [run for e in recorded(research) for run in e.runs]
            inside = sum(run.seconds for run in done)
            theirs = sum(run.checks["facts"]["cpu_seconds"] for run in done)
            name = "bare" if sandbox is False else f"sandbox {done[0].checks['sandbox']}"
            print(
                f"overhead, {name}: {(wall - inside) / runs:.3f} s wall, "
                f"{(cpu - theirs) / runs:.3f} s CPU a run ({runs} runs)"
            )


def stages(runs: int) -> None:
    """Seconds an experiment beyond its command: a loop, then a pipe of four processes each time.

    The target has the benchmark's constants, and the history grows to twice the number of runs.
    """
    text = (ROOT / "benchmark/train.py").read_text()
    knobs = "\n".join(line for line in text.splitlines() if re.match(r"[A-Z]\w+ = .*# ar:", line))
    with _folder() as folder:
        make(folder, f"{knobs}\n{NAPS}", 0)
        ar, began, cpu = (sys.executable, "-m", "autoresearch_git"), time.perf_counter(), _cpu()
        quiet = {"cwd": folder, "check": True, "capture_output": True}
        subprocess.run((*ar, "loop", "--runs", str(runs), "--json"), **quiet)
        wall = (time.perf_counter() - began) / runs - NAP
        print(f"loop, history 0 to {runs}: {wall:.2f} s wall, {(_cpu() - cpu) / runs:.2f} s CPU")
        words = " ".join(ar)
        pipe = " | ".join(f"{words} {verb}" for verb in ("propose", "run", "review", "select"))
        found = []
        began, cpu = time.perf_counter(), _cpu()
        for _ in range(10):
            began = time.perf_counter()
            subprocess.run(pipe, shell=True, **quiet)
            found.append(time.perf_counter() - began - NAP)
        wall, used = statistics.median(found), (_cpu() - cpu) / len(found)
        print(f"pipe, history {runs}: {wall:.2f} s wall, {used:.2f} s CPU")


def throughput(seconds: float) -> None:
    """Sleeping commands: N workers against N times one worker."""
    alone = 0.0
    for jobs in (1, 2, 8, 32):
        with _folder() as folder:
            rounds = 2
            make(folder, SLEEPS % seconds, rounds * jobs, "1h")
            began = time.monotonic()
            drive(folder, jobs, None)
            rate = rounds * jobs / (time.monotonic() - began)
            alone = alone or rate
            print(f"throughput of {jobs:2}: {rate:.3f} runs/s, {rate / jobs / alone:.3f} N x one")


def cores(runs: int) -> None:
    """Real training pinned to one core each: steps a second of one worker, and of two at once."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(runs):  # taken in turn, so that both see the same machine
        for count in rates:
            with _folder() as folder:
                research = make(folder, TRAINS, count)
                drive(folder, 2, None)  # two slots, so that also a lonely run is pinned
                research.memory.refresh()
                done = [run for e in recorded(research) for run in e.runs]
                rates[count].append(sum(run.metrics["num_steps"] for run in done))
    ratio = statistics.median(two / one / 2 for one, two in zip(rates[1], rates[2], strict=True))
    print(f"two pinned trainings: {ratio:.3f} of twice one (median of {runs})")


def gpus(seconds: float) -> None:
    """Real work on each GPU: steps a second of a run alone, and of runs on all GPUs at once."""
    rates: dict[int, list[float]] = {}
    for jobs in (1, len(hardware.gpus())):
        with _folder() as folder:
            research = make(folder, ON_GPU % seconds, jobs, "1h")
            began = time.monotonic()
            drive(folder, jobs, None)
            wall = time.monotonic() - began
            research.memory.refresh()
            done = [run for e in recorded(research) for run in e.runs]
            rates[jobs] = [run.metrics["steps_a_second"] for run in done]
            print(f"{jobs} at once: {rates[jobs]} steps/s, {wall:.1f} s in all")
            for run in done:
                print("  ", run.klass, run.hardware, run.checks)
    alone, together = rates[1][0], rates[len(hardware.gpus())]
    print(f"N workers: {sum(together) / alone:.3f} of one; worst run {min(together) / alone:.3f}")


def kills(count: int, jobs: int = 4, sandbox: bool | None = None) -> dict[str, int]:
    """Kill a random part of a campaign `count` times; then every run must be accounted for."""
    rng, tally = random.Random(count), {"driver": 0, "supervisor": 0, "command": 0, "grandchild": 0}
    with _folder() as folder:
        research = make(folder, FORKS, 3 * count)
        place = research.memory.place.private / "slots"
        driver = _driver(folder, jobs, sandbox)
        while sum(tally.values()) < count:
            time.sleep(rng.uniform(0.05, 0.4))
            if driver.poll() is not None:
                if not research.memory.index.select("verdict = 'proposed'"):
                    break
                driver = _driver(folder, jobs, sandbox)
            victim, pid = _victim(rng, driver.pid, place)
            with contextlib.suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    tally[victim] += 1
            research.memory.refresh()
        driver.kill()
        driver.wait()
        drive(folder, jobs, sandbox)  # the last one ends what is left
        research.memory.refresh()
        return tally | _books(research, folder, place)


def _driver(folder: Path, jobs: int, sandbox: bool | None) -> subprocess.Popen[bytes]:
    args = [sys.executable, __file__, "drive", str(folder), str(jobs), json.dumps(sandbox)]
    return subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _victim(rng: random.Random, driver: int, place: Path) -> tuple[str, int]:
    """A random kind of process, and one of it that lives now (0: none does)."""
    kind = rng.choice(("driver", "supervisor", "command", "grandchild"))
    if kind == "driver":
        return kind, driver
    held = [said["supervisor"] for said in slots.occupied(place) if "supervisor" in said]
    if not held:
        return kind, 0
    supervisor = rng.choice(held)
    if kind == "supervisor":
        return kind, supervisor
    below = [p for p, name in proctree.descendants(supervisor).items() if name == "python"]
    below.sort()
    return kind, (below[0] if kind == "command" else below[-1]) if below else 0


def _books(research: Research, folder: Path, place: Path) -> dict[str, int]:
    """What is recorded, and what must be zero."""
    experiments = recorded(research)
    runs = [run for e in experiments for run in e.runs]
    starts = sum(len(research.memory.index.events_of(e.commit, "start")) for e in experiments)
    time.sleep(0.5)
    lost = [slot for slot in place.glob("*.lock") for _ in marked("AR_SLOT", str(slot))]
    return {
        "runs": len(runs),
        "ok": sum(run.outcome == "ok" for run in runs),
        "killed": sum(run.outcome == "killed" for run in runs),
        "unaccounted": starts - len(runs),
        "twice": len(runs) - len({run.run for run in runs}),
        "in flight": sum(e.lease is not None for e in experiments),
        "orphans": len(lost),
        "stale slots": len(list(slots.occupied(place))),
    }


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)


def _cpu() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in both)


def main() -> None:
    """One figure, or without arguments all of them."""
    what, *rest = sys.argv[1:]
    if what == "drive":
        drive(Path(rest[0]), int(rest[1]), json.loads(rest[2]))
    elif what == "overhead":
        overhead(int(rest[0]) if rest else 30)
    elif what == "stages":
        stages(int(rest[0]) if rest else 100)
    elif what == "throughput":
        throughput(float(rest[0]) if rest else 10.0)
    elif what == "cores":
        cores(int(rest[0]) if rest else 5)
    elif what == "gpus":
        gpus(float(rest[0]) if rest else 300.0)
    elif what == "kills":
        for sandbox in (False, None):
            print(
                "bare   " if sandbox is False else "default", kills(int(rest[0]), sandbox=sandbox)
            )
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
