"""Many writers at once, a gc in a loop beside them, and a random writer killed now and then."""

from __future__ import annotations

import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.git.repo import Repo
from autoresearch_git.memory import trail
from tests.memory.lab import git, new_repo, writer


@dataclass
class Storm:
    """What a storm did to a repository."""

    acknowledged: set[str] = field(default_factory=set)  # event ids
    commits: set[str] = field(default_factory=set)
    kills: int = 0
    collections: int = 0
    seconds: float = 0.0
    first: float = 0.0  # when the first and the last event were written, seconds since 1970
    last: float = 0.0
    errors: list[str] = field(default_factory=list)


def storm(
    folder: Path, writers: int, each: int, *, kill: float, gc: bool, budget: int = 4
) -> Storm:
    """Let `writers` append `each` events; kill one every `kill` seconds, which is replaced.

    After `budget` kills the rest may finish: the storm must end.
    """
    new_repo(folder)
    rng, found, names = random.Random(1), Storm(), iter(range(10**6))
    started = time.monotonic()
    alive = [writer(folder, f"w{next(names)}", each) for _ in range(writers)]
    done: list[subprocess.Popen[str]] = []
    collecting: subprocess.Popen[bytes] | None = None
    next_kill = time.monotonic() + max(kill, 0.3)
    while alive:
        time.sleep(0.005)
        if gc and (collecting is None or collecting.poll() is not None):
            found.collections += collecting is not None
            collecting = subprocess.Popen(
                ("git", "-C", str(folder), "gc", "-q", "--prune=now"), stderr=subprocess.DEVNULL
            )
        for process in [p for p in alive if p.poll() is not None]:
            alive.remove(process)
            done.append(process)
        if kill and alive and time.monotonic() > next_kill and found.kills < budget:
            victim = rng.choice(alive)
            victim.kill()
            found.kills += 1
            alive.append(writer(folder, f"w{next(names)}", each))
            next_kill = time.monotonic() + kill
    if collecting:
        collecting.wait()
    found.seconds = time.monotonic() - started
    repo = Repo.open(folder)
    times = [entry.event.time for entry, _ in trail.walk(repo, repo.ref(refs.TRAIL))]
    found.first, found.last = min(times), max(times)
    for process in done:
        out, err = process.communicate()
        if process.returncode not in (0, -9):
            found.errors.append(err)
        for line in out.splitlines():
            if len(line.split()) == 2 and len(line) == 57:  # a kill may cut the last one
                event, commit = line.split()
                found.acknowledged.add(event)
                found.commits.add(commit)
    return found


def survivors(folder: Path) -> set[str]:
    """The ids of all events on the trail."""
    repo = Repo.open(folder)
    return {entry.event.id for entry, _ in trail.walk(repo, repo.ref(refs.TRAIL))}


def locks(folder: Path) -> list[str]:
    """Lock files that are left."""
    return [str(path) for path in (folder / ".git").rglob("*.lock")]


def readable_notes(folder: Path) -> int:
    """How many experiments show a note under plain `git log`."""
    listed = git(
        folder, "log", "--notes=ar", "--format=%N%x00", "--invert-grep", "--grep=^ar:", refs.TRAIL
    )
    return sum("Verdict: " in text for text in listed.split("\0"))
