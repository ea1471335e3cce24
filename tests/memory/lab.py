"""Experiments without training: repositories, events and writer processes for memory tests."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from autoresearch_git.git.repo import EMPTY_TREE, Person, Repo
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Decision, Event, Plan, Review, Run, Scores

KLASS = "0b9b19ef.cpu"
NICHES = ("optimizer.same-size", "architecture.wider", "schedule.same-size")


def git(folder: Path, *args: str, stdin: str = "") -> str:
    """Output of git, as a user would call it."""
    done = subprocess.run(
        ("git", "-C", str(folder), *args), capture_output=True, text=True, check=True, input=stdin
    )
    return done.stdout.strip()


def new_repo(folder: Path) -> Repo:
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q")
    return Repo.open(folder)


def experiment(repo: Repo, name: str) -> str:
    """A commit that no branch holds."""
    who = Person("Tester", "tester@example.com", 1_700_000_000)
    return repo.write_commit(EMPTY_TREE, [], f"exp: {name}\n", who, who)


def life(commit: str, rng: random.Random, klass: str = KLASS) -> list[Event]:
    """An experiment's events: proposed, started, run, reviewed and decided."""
    value = round(1.0 + rng.gauss(0, 0.01), 6)
    verdict = rng.choice(("discard", "discard", "near-miss", "keep", "crash"))
    niche, name = rng.choice(NICHES), f"{rng.getrandbits(48):012x}"
    plan = Plan(
        emitter=rng.choice(("local_tuner", "simplifier", "contrarian")),
        phase="explore",
        change=f"LEARNING_RATE 0.02 -> {value}",
        parent=commit,
        hypothesis="a smaller step may settle lower",
    )
    run = Run(
        run=name,
        outcome="ok",
        seconds=round(rng.uniform(1, 300), 3),
        klass=klass,
        value=value,
        curve=tuple((k / 8, round(2.0 - k / 8, 3)) for k in range(8)),
    )
    review = Review(
        klass=klass,
        runs=(name,),
        verdict=verdict,
        reason="as the dice say",
        metric="val_bpb",
        niche=niche,
        category=niche.partition(".")[0],
        value=value,
        n=1,
        low=value - 0.001,
        high=value + 0.001,
        delta=round(value - 1.0, 6),
        scores=Scores(fitness=0.5, total=0.4),
    )
    decision = Decision(klass=klass, verdict=verdict, reason="as the dice say")
    return [
        Event(kind="propose", commit=commit, plan=plan, contract="0b9b19ef", tree=EMPTY_TREE),
        Event(kind="run", commit=commit, run=run),
        Event(kind="review", commit=commit, review=review),
        Event(kind="decision", commit=commit, decision=decision),
    ]


def write(folder: Path, name: str, count: int) -> None:
    """Append events one by one, each acknowledged on stdout once it is safe."""
    memory, rng = Memory.open(folder), random.Random(name)
    done = 0
    while done < count:
        commit = experiment(memory.repo, f"{name} {done}")
        for draft in life(commit, rng)[: count - done]:
            (event,) = memory.append(draft)
            print(event.id, event.commit, flush=True)  # noqa: T201
            done += 1


def writer(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
    """`write` as a process of its own."""
    return subprocess.Popen(
        (sys.executable, "-m", "tests.memory.lab", str(folder), name, str(count)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "AR_FSYNC": "false"},
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
