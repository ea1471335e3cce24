"""The loop: the four stages chained in one process, with budgets, workers and clean stops."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from autoresearch_git.agenda import PAUSE, Agenda
from autoresearch_git.backends.base import Backend, Job, Update
from autoresearch_git.clean import clean
from autoresearch_git.errors import (
    ArError,
    HarnessError,
    NoBaselineError,
)
from autoresearch_git.exchange import LIMIT, Exchange
from autoresearch_git.git.locate import Place
from autoresearch_git.memory import past
from autoresearch_git.memory.sync import sync
from autoresearch_git.records import Experiment
from autoresearch_git.research import PerThread, Research
from autoresearch_git.stages.adopt import adopt
from autoresearch_git.stages.backend import class_here
from autoresearch_git.stages.claim import reclaim
from autoresearch_git.stages.pool import Flights, spread
from autoresearch_git.stages.review import review
from autoresearch_git.stages.run import early_stop, finish
from autoresearch_git.stages.select import select

FAILURES = 3  # harness failures in a row that end a loop: the machine needs a person


@dataclass(frozen=True)
class Budget:
    """When a loop ends; None is no limit."""

    runs: int | None = None
    seconds: float | None = None
    patience: int | None = None  # decisions since the last keep
    cost: float | None = None  # US dollars, as far as backends and agents say what they cost


@dataclass(frozen=True)
class Watcher:
    """Who is told what the loop does; called from any worker's thread."""

    begin: Callable[[Experiment], None] = lambda _experiment: None
    update: Callable[[Experiment, Update], None] = lambda _experiment, _update: None
    end: Callable[[Experiment], None] = lambda _experiment: None
    say: Callable[[str], None] = lambda _line: None


def stop_file(place: Place) -> Path:
    """The file whose touching ends the loops of a repository when their runs in flight are done."""
    return place.private / "stop"


def _asked(stop: Path) -> float:
    """When somebody last asked for the end; 0 if never."""
    try:
        return stop.stat().st_mtime
    except FileNotFoundError:
        return 0.0


@dataclass
class Loop:
    """One campaign on one machine. State that matters is on the trail, not in here."""

    research: Research
    backend: Backend
    budget: Budget
    watcher: Watcher = field(default_factory=Watcher)
    seed: int | None = None
    early: bool = False  # end runs that have no chance
    remote: str | None = None  # memories are exchanged with it after each run; "" is the usual one
    calibrate: bool = False  # on a machine where the baseline never ran, run it first
    done: int = 0
    failures: int = 0
    spent: float = 0.0  # US dollars
    turn: int = 0  # the newest experiment that was begun, from 1

    def __post_init__(self) -> None:
        self.started, self.born = time.monotonic(), time.time()
        self.flights = Flights(self.backend)
        self.mine = PerThread(self.research)
        self.counting = threading.Lock()
        self.exchange = (
            None if self.remote is None else Exchange(partial(self._exchanged, self.remote))
        )
        self.agenda = Agenda(
            self.backend,
            random.Random(self.seed),
            self.flights.stopping,
            self.watcher.say,
            self._spent,
            class_here(self.research, self.backend),
            self.calibrate,
        )

    def work(self) -> int:
        """Run until a budget is spent; how many experiments were finished."""
        self.backend.check()
        self.agenda.resume(self.research)
        with self.exchange or contextlib.nullcontext():
            self._adopt(self.research)
            spread(self._turns(), self._round, self.backend.jobs, self.flights)
        return self.done

    def _turns(self) -> Iterator[int]:
        turn = 0
        while self._goes_on(turn):
            yield turn
            turn += 1

    def _goes_on(self, turn: int) -> bool:
        budget = self.budget
        if budget.runs is not None and turn >= budget.runs:
            return False
        if budget.seconds is not None and time.monotonic() - self.started >= budget.seconds:
            self.watcher.say("the time is spent")
            return False
        if _asked(stop_file(self.research.memory.place)) > self.born:
            self.watcher.say("stopped by git ar stop")
            return False
        if budget.cost is not None and self.spent >= budget.cost:
            self.watcher.say(f"${self.spent:.2f} are spent")
            return False
        if budget.patience is not None and self._stall() >= budget.patience:
            self.watcher.say(f"nothing kept for {budget.patience} experiments")
            return False
        return not self.flights.stopping.is_set()

    def _round(self, turn: int) -> None:
        self.turn = max(self.turn, turn + 1)
        research = self.mine()
        experiment, job = self.agenda.next(research)
        try:
            self.watcher.begin(experiment)
            experiment = finish(
                research,
                experiment,
                job,
                self.backend,
                lambda update: self.watcher.update(experiment, update),
                self.flights,
                early_stop(research, self.agenda.klass) if self.early else None,
            )
            self._check_harness(experiment)
            if experiment.runs[-1].outcome != "harness":
                experiment = self._judged(research, experiment)
        finally:
            self.agenda.in_hand.discard(experiment.commit)
        with self.counting:
            self.done += 1
            self.spent += _cost(experiment, job)
        self.watcher.end(experiment)
        if self.exchange:
            self.exchange.ask()

    def _judged(self, research: Research, experiment: Experiment) -> Experiment:
        """Reviewed and decided, as soon as there is a baseline; raises when none is on its way."""
        while True:
            try:
                return select(research, review(research, experiment))
            except NoBaselineError:
                reclaim(research, self.backend)  # it may have died with another process
                waiting = research.memory.index.select("emitter = 'baseline' AND decided = 0")
                if not any(each.lease or each.commit in self.agenda.in_hand for each in waiting):
                    raise
                if self.flights.stopping.wait(PAUSE):
                    return experiment  # the next loop judges it
                research.memory.refresh()

    def _exchanged(self, remote: str) -> bool:
        """Sync, and go on from what others kept; a network that is away is no reason to stop."""
        research = self.mine()
        try:
            fetched = sync(research.memory, remote, limit=LIMIT).fetched
        except ArError as error:
            self.watcher.say(f"not synced: {clean(error.message)}")
            return False
        if fetched:
            with self.agenda.lock:  # no proposal starts from a tip that is just replaced
                self._adopt(research)
        return True

    def _adopt(self, research: Research) -> None:
        if found := adopt(research, self.agenda.klass):
            self.watcher.say(f"going on from {found.commit[:9]}, kept on another machine")

    def _check_harness(self, experiment: Experiment) -> None:
        """Stop after some failures of the machinery in a row: no result will come of them."""
        last = experiment.runs[-1] if experiment.runs else None
        with self.counting:
            failed = last is not None and last.outcome == "harness"
            self.failures = self.failures + 1 if failed else 0
            if last and self.failures >= FAILURES:
                about = f"{FAILURES} runs in a row failed before they could start"
                raise HarnessError(f"{about}: {clean(last.detail)}", "mend that, then go on")

    def _spent(self) -> dict[str, tuple[float, float]]:
        """What this loop has spent of each limit that it has, for those who watch it."""
        budget, found = self.budget, {}
        if budget.runs is not None:
            found["runs"] = (float(self.turn), float(budget.runs))
        if budget.seconds is not None:
            found["seconds"] = (round(time.monotonic() - self.started), budget.seconds)
        if budget.patience is not None:
            found["patience"] = (float(self._stall()), float(budget.patience))
        if budget.cost is not None:
            found["cost"] = (round(self.spent, 2), budget.cost)
        return found

    def _stall(self) -> int:
        self.research.memory.refresh()
        return past.stall(self.research.memory.index, self.agenda.klass)


def _cost(experiment: Experiment, job: Job | None) -> float:
    """US dollars of one experiment: its run by this job, and the agent that made the change."""
    runs = [run.cost for run in experiment.runs if job and run.run == job.run]
    agent = experiment.plan.agent if experiment.plan else None
    return sum(runs) + float((agent or {}).get("usd") or 0.0)
