"""The loop: the four stages chained in one process, with budgets, workers and clean stops."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_git.backends.base import Backend, Job, Update
from autoresearch_git.clean import clean
from autoresearch_git.errors import BusyError, DuplicateError, HarnessError
from autoresearch_git.git.locate import Place
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages.pool import Flights, spread
from autoresearch_git.stages.propose import propose
from autoresearch_git.stages.review import review
from autoresearch_git.stages.run import claim, class_here, early_stop, finish, reclaim
from autoresearch_git.stages.select import select

FAILURES = 3  # harness failures in a row that end a loop: the machine needs a person
ATTEMPTS = 3  # at a proposal that nobody made before, and at a run that gets killed
BASELINE_WAIT = (
    0.5  # seconds; until there is a baseline, other workers have nothing to compare with
)


@dataclass(frozen=True)
class Budget:
    """When a loop ends; None is no limit."""

    runs: int | None = None
    seconds: float | None = None
    patience: int | None = None  # decisions since the last keep


@dataclass(frozen=True)
class Watcher:
    """Who is told what the loop does; called from any worker's thread."""

    begin: Callable[[Experiment], None] = lambda _experiment: None
    update: Callable[[Experiment, Update], None] = lambda _experiment, _update: None
    end: Callable[[Experiment], None] = lambda _experiment: None
    say: Callable[[str], None] = lambda _line: None


def stop_file(place: Place) -> Path:
    """The file that ends a loop when its runs in flight are done."""
    return place.private / "stop"


@dataclass
class Loop:
    """One campaign on one machine. State that matters is on the trail, not in here."""

    research: Research
    backend: Backend
    budget: Budget
    watcher: Watcher = field(default_factory=Watcher)
    seed: int | None = None
    early: bool = False  # end runs that have no chance
    done: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.flights = Flights(self.backend)
        self.own = threading.local()
        self.counting = threading.Lock()
        self.proposing = threading.Lock()  # so that each proposal knows of the one before it
        self.in_hand: set[str] = set()  # experiments that a worker of ours is at
        self.rng = random.Random(self.seed)
        self.klass = class_here(self.research, self.backend)

    def work(self) -> int:
        """Run until a budget is spent; how many experiments were finished."""
        for lost in reclaim(self.research, self.backend):
            self.watcher.say(f"{lost.commit[:9]} was in flight when its process died: killed")
        jobs = self.backend.jobs
        if jobs == 1:
            self.own.research = self.research
            for turn in self._turns():
                self._round(turn)
        else:
            spread(self._turns(), self._round, jobs, self.flights)
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
        stop = stop_file(self.research.memory.place)
        if stop.exists():
            stop.unlink()
            self.watcher.say("stopped by git ar stop")
            return False
        if budget.patience is not None and self._stall() >= budget.patience:
            self.watcher.say(f"nothing kept for {budget.patience} experiments")
            return False
        return not self.flights.stopping.is_set()

    def _round(self, _turn: int) -> None:
        research = self._mine()
        experiment, job = self._next(research)
        try:
            self.watcher.begin(experiment)
            experiment = finish(
                research,
                experiment,
                job,
                self.backend,
                lambda update: self.watcher.update(experiment, update),
                self.flights,
                early_stop(research, self.klass) if self.early else None,
            )
            self._check_harness(experiment)
            if experiment.runs[-1].outcome != "harness":
                experiment = select(research, review(research, experiment))
        finally:
            self.in_hand.discard(experiment.commit)
        with self.counting:
            self.done += 1
        self.watcher.end(experiment)

    def _next(self, research: Research) -> tuple[Experiment, Job | None]:
        """What is not finished yet, else a new proposal; claimed for us. No job: only to judge."""
        with self.proposing:
            research.reload()
            found = self._unfinished(research) or self._new(research)
            self.in_hand.add(found[0].commit)
            return found

    def _unfinished(self, research: Research) -> tuple[Experiment, Job | None] | None:
        """What a stage was left at: proposed and never run, killed, or run and never judged."""
        left = "decided = 0 AND contract = ? AND verdict <> 'running' ORDER BY seq LIMIT 100"
        for experiment in research.memory.index.select(left, research.contract_id):
            if experiment.commit in self.in_hand:
                continue
            failed = [run for run in experiment.runs if run.outcome in ("killed", "harness")]
            if len(experiment.runs) > len(failed) or len(failed) >= ATTEMPTS:
                return experiment, None
            with contextlib.suppress(BusyError):
                if job := claim(research, experiment):
                    return experiment, job
        return None

    def _new(self, research: Research) -> tuple[Experiment, Job | None]:
        duplicates = 0
        while not self.flights.stopping.is_set():
            try:
                experiment = propose(research, self.klass, self.rng)
            except DuplicateError:
                duplicates += 1  # another throw of the dice finds another idea
                if duplicates == ATTEMPTS:
                    raise
                continue
            with contextlib.suppress(BusyError):
                if job := claim(research, experiment):
                    return experiment, job
            self.flights.stopping.wait(BASELINE_WAIT)
        raise KeyboardInterrupt

    def _check_harness(self, experiment: Experiment) -> None:
        """Stop after some failures of the machinery in a row: no result will come of them."""
        last = experiment.runs[-1] if experiment.runs else None
        with self.counting:
            failed = last is not None and last.outcome == "harness"
            self.failures = self.failures + 1 if failed else 0
            if last and self.failures >= FAILURES:
                about = f"{FAILURES} runs in a row failed before they could start"
                raise HarnessError(f"{about}: {clean(last.detail)}", "mend that, then go on")

    def _stall(self) -> int:
        from autoresearch_git.memory import past

        self.research.memory.refresh()
        return past.stall(self.research.memory.index, self.klass)

    def _mine(self) -> Research:
        if not hasattr(self.own, "research"):
            place = self.research.memory.place
            self.own.research = Research.open(place.git_dir, self.research.branch)
        found = self.own.research
        assert isinstance(found, Research)
        return found
