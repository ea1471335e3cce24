"""Where a class of experiments stands, from the index alone: as quick at 100,000 runs as at 100."""

from __future__ import annotations

import os
import platform
import time

from msgspec import field

from autoresearch_git.history import History, Tally
from autoresearch_git.look.query import elites, latest_class
from autoresearch_git.memory import past
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event, Experiment, Lease, Record
from autoresearch_git.search.phase import CRASH_WINDOW, phase


class Flight(Record, frozen=True, omit_defaults=False):
    """A run in flight: what, where, since when, and whether anybody is still there."""

    commit: str
    change: str
    host: str
    pid: int
    since: float
    until: float
    state: str  # running, overdue, or gone (its process on this host has ended)


class Status(Record, frozen=True, omit_defaults=False):
    """What one screen says of a class."""

    klass: str
    verdicts: dict[str, int] = field(default_factory=dict)
    emitters: dict[str, Tally] = field(default_factory=dict)
    baseline: Experiment | None = None
    best: Experiment | None = None
    phase: str = "baseline"
    running: int = 0
    waiting: int = 0
    stall: int = 0
    seconds: float = 0.0
    niches: int = 0
    flights: tuple[Flight, ...] = ()
    budget: dict[str, tuple[float, float]] = field(
        default_factory=dict
    )  # of the loop that runs now: (spent, limit)
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return sum(self.verdicts.values())


def status(memory: Memory, klass: str = "") -> Status:
    """The status of a class, by default of the one that ran last."""
    index = memory.index
    klass = klass or latest_class(index)
    verdicts = index.tallies(klass, "verdict")
    open_ones = "SELECT verdict, count(*) FROM experiments WHERE decided = 0 AND latest = 1"
    open_ones += " GROUP BY verdict"
    waiting = dict(index.db.execute(open_ones).fetchall())
    running = waiting.pop("running", 0)
    flights = _flights(index) if running else ()
    baseline, best = past.baseline(index, klass), past.best(index, klass)
    stall = past.stall(index, klass)
    return Status(
        klass=klass,
        verdicts={name: tally.tries for name, tally in verdicts.items()},
        emitters=index.tallies(klass, "emitter"),
        baseline=baseline,
        best=best,
        phase=_phase(index, klass, baseline),
        running=running,
        waiting=sum(waiting.values()),
        stall=stall,
        seconds=sum(tally.seconds for tally in verdicts.values()),
        niches=len(index.tallies(klass, "niche")),
        flights=flights,
        budget=_budget(index),
        warnings=tuple(_warnings(memory, klass, best, flights, waiting)),
    )


def _phase(index: Index, klass: str, baseline: Experiment | None) -> str:
    """The phase, from no more of the history than it looks at."""
    ran = index.select("class = ? AND runs > 0 ORDER BY seq DESC LIMIT ?", klass, CRASH_WINDOW)
    near = index.select("class = ? AND verdict = 'near-miss' ORDER BY decided DESC LIMIT 2", klass)
    few = elites(index, klass) if len(near) < 2 else {}
    return phase(
        History(
            klass=klass,
            contract="",
            metric="",
            minimize=True,
            sigma=0.0,
            baseline=baseline,
            recent=tuple(reversed(ran)),
            near_misses=tuple(near),
            elites=few,
            plateau=past.plateau(index, klass),
        )
    )


def _flights(index: Index) -> tuple[Flight, ...]:
    found = []
    for each in index.select("decided = 0 AND verdict = 'running' ORDER BY seq LIMIT 50"):
        starts = index.events_of(each.commit, "start")
        if each.lease and starts:
            found.append(_flight(each, starts[-1]))
    return tuple(found)


def _budget(index: Index) -> dict[str, tuple[float, float]]:
    """What the loop of the newest experiment has spent, as it said with its lease; {} if it ended.

    Between two runs nothing is in flight, and still the loop goes on.
    """
    newest = index.select("latest = 1 ORDER BY seq DESC, oid DESC LIMIT 1")
    starts = index.events_of(newest[0].commit, "start") if newest else []
    lease = starts[-1].lease if starts else None
    return lease.budget if lease and _state(lease, starts[-1].host) == "running" else {}


def _state(lease: Lease, host: str) -> str:
    """running, overdue, or gone."""
    if host == platform.node() and not _alive(lease.pid):
        return "gone"
    return "overdue" if time.time() > lease.until else "running"


def _flight(experiment: Experiment, start: Event) -> Flight:
    lease = experiment.lease
    assert lease is not None
    return Flight(
        commit=experiment.commit,
        change=experiment.plan.change if experiment.plan else "",
        host=start.host,
        pid=lease.pid,
        since=start.time,
        until=lease.until,
        state=_state(lease, start.host),
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _warnings(
    memory: Memory,
    klass: str,
    best: Experiment | None,
    flights: tuple[Flight, ...],
    waiting: dict[str, int],
) -> list[str]:
    found = list(memory.notices)
    if lost := sum(flight.state != "running" for flight in flights):
        found.append(f"{lost} in flight without a living process: git ar loop records them as lost")
    if half := waiting.get("ran", 0) + waiting.get("reviewed", 0):
        found.append(f"{half} ran but no decision was made: git ar review, git ar select")
    here = best is not None and best.runs[-1].backend != "import"
    if best and here and best.review and best.review.n < 2:
        short = best.commit[:9]
        found.append(f"the best rests on one run: git ar run --replicate {short}")
    crashes = memory.index.tallies(klass, "signature")
    worst = max(crashes.items(), key=lambda item: item[1].tries, default=None)
    if worst and worst[1].tries >= 3:
        found.append(f"{worst[1].tries} crashes of one kind: {worst[0]}")
    if (memory.place.private / "stop").exists():
        found.append("a stop was asked for: the loop ends after the runs in flight")
    return found
