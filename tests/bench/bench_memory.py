"""The memory at scale, in one table: every verb at 100 to 100,000 runs, beside its floors.

    python -m tests.bench.bench_memory                       100, 1,000 and 10,000 runs
    python -m tests.bench.bench_memory --sizes 100 100000 --keep DIR

Wall and CPU are medians in milliseconds of interleaved repetitions, so that a load on the machine
hits all columns alike; the ratios to the floors are what counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from autoresearch_git import refs
from autoresearch_git.memory import trail
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event
from tests.bench.grow import grow
from tests.memory.lab import experiment, git, life
from tests.support import Sandbox

EVENTS = 5  # a run: propose, start, run, review, decision
AR = (sys.executable, "-c", "from autoresearch_git.__main__ import main; main()")  # as git-ar does
# The peak of a process counts what it inherited from us, so it says it itself, once, untimed.
PEAK = (
    "import atexit, re, sys; from autoresearch_git.__main__ import main; "
    "atexit.register(lambda: sys.stderr.write('PEAK ' + re.search('VmHWM:.*?([0-9]+)', "
    "open('/proc/self/status').read())[1])); main()"
)
FLOORS = {
    "python": (sys.executable, "-c", "pass"),
    "click": (sys.executable, "-c", "import click"),
    "click+pygit2": (sys.executable, "-c", "import click, pygit2"),
    "rev-parse": ("git", "rev-parse", "HEAD"),
}


@dataclass(frozen=True)
class Cost:
    """One execution: seconds of wall and CPU time."""

    wall: float
    cpu: float


def execute(command: tuple[str, ...], folder: Path) -> Cost:
    """Run a command to its end, which must be good."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{command}: {process.returncode}\n{said.read().decode()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def peak(command: tuple[str, ...], folder: Path) -> str:
    """The most memory of a git ar command, in MB."""
    if command[: len(AR)] != AR:
        return "-"
    again = (sys.executable, "-c", PEAK, *command[len(AR) :])
    done = subprocess.run(again, cwd=folder, capture_output=True, text=True, check=True)
    _, told, kib = done.stderr.rpartition("PEAK ")
    return f"{int(kib) / 1024:.0f}" if told else "-"  # an idle sync leaves without ceremony


@dataclass
class Subject:
    """A repository of some size, with the experiments that the verbs need next."""

    folder: Path
    size: int

    def __post_init__(self) -> None:
        self.memory = Memory.open(self.folder)
        self.rng = random.Random(time.time())
        self.like = self.memory.index.select("emitter = 'baseline' ORDER BY seq LIMIT 1")[0]

    def prepared(self, events: int) -> str:
        """A fresh experiment on the branch's tip, with so many of its events on the trail."""
        tip = git(self.folder, "rev-parse", "autoresearch/demo")
        tree = git(self.folder, "rev-parse", f"{tip}^{{tree}}")
        commit = git(self.folder, "commit-tree", tree, "-p", tip, "-m", f"exp {self.rng.random()}")
        like = self.like
        assert like.plan
        assert like.review
        assert like.runs

        name = f"{self.rng.getrandbits(48):012x}"
        drafts = [
            Event(kind="propose", commit=commit, contract=like.contract, tree=like.tree,
                  plan=replace(like.plan, parent=tip, emitter="simplifier")),
            Event(kind="run", commit=commit, run=replace(like.runs[0], run=name)),
            Event(kind="review", commit=commit, review=replace(like.review, runs=(name,))),
        ]  # fmt: skip
        self.memory.append(*drafts[:events])
        return commit

    def life(self, memory: Memory) -> list[Event]:
        """The events of a whole new experiment."""
        commit = experiment(memory.repo, str(self.rng.random()))
        return life(commit, self.rng, self.like.klass)

    def verbs(self) -> dict[str, Callable[[], tuple[str, ...]]]:
        """Each verb, as what makes its command line."""
        shown = self.like.commit[:12]
        return {
            "status": lambda: (*AR, "status"),
            "log -n 20": lambda: (*AR, "log", "-n", "20"),
            "show": lambda: (*AR, "show", "--json", shown),
            "best": lambda: (*AR, "best"),
            "propose": self._with_an_edit((*AR, "propose", "--from-worktree", "-m", "mine")),
            "propose, by a model": lambda: (*AR, "propose", "--emitter", "local_tuner"),
            "review": lambda: (*AR, "review", self.prepared(2)),
            "select": lambda: (*AR, "select", self.prepared(3)),
            "sync, nothing new": self._in_sync((*AR, "sync")),
            "git fetch": lambda: ("git", "fetch", "-q", "origin", f"+{refs.TRAIL}:refs/x/trail"),
            "sync, one event": self._with_news((*AR, "sync")),
            "fetch + push": self._with_a_commit(),
        }

    def _in_sync(self, command: tuple[str, ...]) -> Callable[[], tuple[str, ...]]:
        def make() -> tuple[str, ...]:
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
            return command

        return make

    def _with_news(self, command: tuple[str, ...]) -> Callable[[], tuple[str, ...]]:
        def make() -> tuple[str, ...]:
            self.memory.refresh()
            self.memory.append(Event(kind="remark", remark="news"))
            return command

        return make

    def _with_an_edit(self, command: tuple[str, ...]) -> Callable[[], tuple[str, ...]]:
        def make() -> tuple[str, ...]:
            file = self.folder / "train.py"
            file.write_text(
                file.read_text().replace("\nmain()", f"\nX = {self.rng.random()}\nmain()")
            )
            return command

        return make

    def _with_a_commit(self) -> Callable[[], tuple[str, ...]]:
        def make() -> tuple[str, ...]:
            git(self.folder, "commit", "-q", "--allow-empty", "-m", "x")
            fetch = f"git fetch -q origin +{refs.TRAIL}:refs/x/trail"
            return ("sh", "-c", f"{fetch} && git push -q origin HEAD:refs/heads/x")

        return make


def build(folder: Path, size: int) -> Subject:
    """The repository of a size, packed; made unless it is there."""
    if not (folder / ".git").is_dir():
        folder.mkdir(parents=True)
        git(folder, "init", "-q")
        git(folder, "config", "user.name", "Tester")
        git(folder, "config", "user.email", "tester@example.com")
        Sandbox(folder).research()
        grow(folder, size)
        git(folder, "repack", "-adfq")  # deltas, as a gc of loose objects would find them
    hub = folder.with_name(folder.name + ".git")
    if not hub.is_dir():
        Memory.open(folder)
        git(folder, "commit-graph", "write", "--reachable", "--no-progress")
        git(folder, "clone", "-q", "--mirror", str(folder), str(hub))
        git(folder, "remote", "add", "origin", str(hub))
    subprocess.run((*AR, "sync"), cwd=folder, check=True, capture_output=True)
    return Subject(folder, size)


def store(subject: Subject) -> dict[str, float]:
    """The store alone: cold index, one more event, warm appends, bytes a run."""
    folder, found = subject.folder, {}
    git(folder, "repack", "-adq")
    packs = sum(f.stat().st_size for f in (folder / ".git/objects/pack").iterdir())
    found["bytes a run, packs"] = packs / subject.size
    code = (
        "import time, json, resource; from autoresearch_git.memory.store import Memory; "
        "memory = Memory.here(); a, c = time.perf_counter(), time.process_time(); "
        "memory.refresh(); import json; "
        "print(json.dumps([time.perf_counter() - a, time.process_time() - c, "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))"
    )
    subject.memory.index.close()
    for path in (folder / ".git/ar").glob("index*"):
        path.unlink()
    said = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True)
    wall, cpu, peak = json.loads(said.stdout)
    count = subject.size * EVENTS
    found |= {"cold index, events/s": count / wall, "... by CPU time": count / cpu}
    found["... peak MB"] = peak
    subject.memory = Memory.open(folder)
    for fsync in ("false", "true"):
        os.environ["AR_FSYNC"] = fsync
        memory = Memory.open(folder)
        memory.append(Event(kind="remark", remark="warm"))
        times = defaultdict(list)
        for _ in range(15):
            for draft in subject.life(memory):
                began = time.perf_counter()
                memory.append(draft)
                times[draft.kind].append((time.perf_counter() - began) * 1000)
        for kind, each in times.items():
            found[f"append {kind}, ms" + (", fsync" if fsync == "true" else "")] = (
                statistics.median(each)
            )
    del os.environ["AR_FSYNC"]
    found["floor: object + ref by libgit2, ms"] = statistics.median(floor(subject.memory, 40))
    found["index, one event more, ms"] = statistics.median(one_more(subject.memory, 9))
    return found


def floor(memory: Memory, count: int) -> Iterator[float]:
    """Milliseconds of the least that an append could do: one loose object, one ref moved."""
    os.environ["AR_FSYNC"] = "false"  # libgit2 asks once, when it opens a repository
    repo = Memory.here(memory.place.git_dir).repo
    repo.libgit2.references.create("refs/x/floor", repo.ref(refs.TRAIL), force=True)
    del os.environ["AR_FSYNC"]
    for number in range(count):
        began = time.perf_counter()
        oid = experiment(repo, f"{began} {number}")
        repo.libgit2.references["refs/x/floor"].set_target(oid)
        yield (time.perf_counter() - began) * 1000


def one_more(memory: Memory, count: int) -> Iterator[float]:
    """Milliseconds to take in an event that another program put on the trail."""
    for _ in range(count):
        memory.refresh()
        news = Event(kind="remark", remark="one more")
        trail.append(memory.repo, memory.index.meta("tip"), [news])
        began = time.perf_counter()
        memory.refresh()
        yield (time.perf_counter() - began) * 1000


def table(title: str, rows: dict[str, list[str]], heads: list[str]) -> None:
    width = max(map(len, rows)) + 2
    print(f"\n{title:<{width}}" + "".join(f"{head:>18}" for head in heads))
    for name, cells in rows.items():
        print(f"{name:<{width}}" + "".join(f"{cell:>18}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--repeat", type=int, default=9, help="0: the store alone")
    parser.add_argument("--keep", type=Path)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' modules are compiled once
    options = parser.parse_args()
    home = options.keep or Path(tempfile.mkdtemp(prefix="bench-memory-"))
    subjects = [build(home / f"runs-{size}", size) for size in options.sizes]
    if options.repeat:
        verbs(subjects, options.repeat)
    heads = [f"{subject.size:,} runs" for subject in subjects]
    alone = [store(subject) for subject in subjects]
    table("the store alone", {k: [f"{each[k]:,.2f}" for each in alone] for k in alone[0]}, heads)
    if not options.keep:
        shutil.rmtree(home)


def verbs(subjects: list[Subject], repeat: int) -> None:
    """Time every verb and every floor in turn, and print both tables."""
    sizes = [subject.size for subject in subjects]
    costs: defaultdict[tuple[str, int], list[Cost]] = defaultdict(list)
    for _ in range(repeat):
        for subject in subjects:
            for name, command in FLOORS.items():
                costs[name, subject.size].append(execute(command, subject.folder))
            for name, make in subject.verbs().items():
                costs[name, subject.size].append(execute(make(), subject.folder))
    peaks = {
        (name, subject.size): peak(make(), subject.folder)
        for subject in subjects
        for name, make in subject.verbs().items()
    }
    heads = [f"{size:,} runs" for size in sizes]

    def median(name: str, size: int, what: str) -> float:
        return statistics.median(getattr(cost, what) for cost in costs[name, size])

    names = list(dict.fromkeys(name for name, _ in costs))
    rows = {
        name: [
            f"{median(name, s, 'wall') * 1000:.0f}/{median(name, s, 'cpu') * 1000:.0f}"
            f"/{peaks.get((name, s), '-')}"
            for s in sizes
        ]
        for name in names
    }
    table("wall ms/CPU ms/peak MB", rows, heads)
    against = dict.fromkeys(("status", "log -n 20", "show", "best"), "click")
    against |= dict.fromkeys(("propose", "propose, by a model", "review", "select"), "click+pygit2")
    against |= {"sync, nothing new": "git fetch", "sync, one event": "fetch + push"}
    first = sizes[0]
    ratios = {
        f"{name} : {floor}": [
            f"{median(name, s, 'wall') / median(floor, s, 'wall'):.2f}"
            f" ({median(name, s, 'wall') / median(name, first, 'wall'):.2f}x)"
            for s in sizes
        ]
        for name, floor in against.items()
    }
    table(f"ratio (to itself at {first})", ratios, heads)


if __name__ == "__main__":
    main()
