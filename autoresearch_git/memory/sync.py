"""Sync: two clones exchange their trails by way of a remote. Only the trail travels.

Fetch it by name, join the two deterministically, bring the views up to date, push without force;
when somebody pushed in between, begin again.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from autoresearch_git import refs
from autoresearch_git.errors import ArError, RefChangedError
from autoresearch_git.git import locate, remote
from autoresearch_git.git.lock import writing
from autoresearch_git.memory import idle
from autoresearch_git.memory.store import Memory

ATTEMPTS = 12  # lost races in a row before we give up; half a minute in all


@dataclass(frozen=True)
class Synced:
    """What a sync did: events that came and went, and branches that were new here."""

    remote: str
    tip: str
    fetched: int = 0
    pushed: int = 0
    attempts: int = 1
    branches: tuple[str, ...] = ()


def sync(
    memory: Memory, wanted: str = "", *, push: bool = True, limit: float | None = None
) -> Synced:
    """Exchange trails with a remote; after it both have the same tip.

    A fetch or a push may take `limit` seconds. Raises ArError where there is no remote, or it
    stays contended; GitError where git refuses.
    """
    place, name = memory.place, remote.choose(memory.place, wanted)
    tracking = refs.tracking(remote.label(name))
    fetched, branches = 0, []
    # One sync of this repository at a time: two pushes of one pack have broken servers before.
    with writing(place, "sync"):
        for attempt in range(1, ATTEMPTS + 1):
            there = remote.fetch(place, name, refs.TRAIL, tracking, limit)
            theirs = locate.read_ref(place, tracking) if there else ""
            ours = locate.read_ref(place, refs.TRAIL)
            if theirs and theirs != ours:
                joined = memory.join(theirs)
                ours, fetched = joined.tip, fetched + joined.events
                branches += create_branches(memory, joined.branches)
            if ours == theirs:
                idle.note(str(place.private), ours, memory.index.meta("notes"))
            if ours == theirs or not push:
                return Synced(name, ours, fetched, 0, attempt, tuple(branches))
            pushed = count(memory, ours, theirs)
            try:
                remote.push(place, name, ours, refs.TRAIL, limit)
            except RefChangedError:
                time.sleep(random.uniform(0.02, 0.05) * min(2.0**attempt, 100))
                continue
            _track(memory, tracking, ours, theirs)
            idle.note(str(place.private), ours, memory.index.meta("notes"))
            return Synced(name, ours, fetched, pushed, attempt, tuple(branches))
    raise ArError(f"{name} was pushed to {ATTEMPTS} times meanwhile", "try again: git ar sync")


def create_branches(memory: Memory, branches: list[str]) -> list[str]:
    """Make research branches that came with a trail; one that exists here is left alone."""
    from autoresearch_git.git.repo import Move

    made, tips = [], memory.index.branches()
    for ref in branches:
        if ref.startswith(refs.RESEARCH) and not memory.repo.ref(ref):
            memory.repo.swap(Move(ref, tips[ref], ""), "ar: sync")
            made.append(ref)
    return made


def count(memory: Memory, mine: str, other: str = "") -> int:
    """Events that one tip has and the other has not."""
    from autoresearch_git.memory import trail

    if not other:
        return int(memory.index.db.execute("SELECT count(*) FROM events").fetchone()[0])
    return sum(side == trail.NEW for _, side in trail.walk(memory.repo, mine, other))


def _track(memory: Memory, tracking: str, ours: str, theirs: str) -> None:
    from autoresearch_git.git.repo import Move

    before = theirs or memory.repo.ref(tracking)
    if before != ours:
        memory.repo.swap(Move(tracking, ours, before), "ar: sync")
