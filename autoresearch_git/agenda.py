"""What a loop does next: what others left, the baseline, what is unfinished, else a new idea."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from autoresearch_git.backends.base import Backend, Job
from autoresearch_git.errors import BusyError, DuplicateError
from autoresearch_git.memory import past
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import class_here
from autoresearch_git.stages.calibrate import uncalibrated
from autoresearch_git.stages.claim import claim, left, reclaim
from autoresearch_git.stages.propose import propose

ATTEMPTS = 3  # at a proposal that nobody made before, and at a run that gets killed
PAUSE = 0.5  # seconds until somebody else may have got further

Task = tuple[Experiment, Job | None]  # claimed for us; no job: only to judge


@dataclass
class Agenda:
    """The tasks of one loop, handed out one at a time to any of its workers."""

    backend: Backend
    rng: random.Random
    stopping: threading.Event
    say: Callable[[str], None]
    spent: Callable[[], Mapping[str, tuple[float, float]]]  # of its budget, told with each claim
    klass: str = ""  # of its runs; an engine's hardware is known only after its first run
    calibrate: bool = False  # on a machine where the baseline never ran, run it first
    lock: threading.Lock = field(default_factory=threading.Lock)  # a proposal knows of the last
    in_hand: set[str] = field(default_factory=set)  # experiments that a worker of ours is at
    left: list[tuple[Experiment, Job]] = field(default_factory=list)

    def resume(self, research: Research) -> None:
        """Take over the runs that outlived their processes, and record those that did not."""
        self.left = left(research, self.backend)
        for experiment, _ in self.left:
            self.say(f"{experiment.commit[:9]} went on without its process: taken over")
        for lost in reclaim(research, self.backend):
            self.say(f"{lost.commit[:9]} was in flight when its process died: killed")

    def next(self, research: Research) -> Task:
        """The next task; raises KeyboardInterrupt when the loop is stopping."""
        while not self.stopping.is_set():
            with self.lock:
                research.reload()
                if self.left:
                    return self.left.pop(0)
                if found := self._found(research):
                    self.in_hand.add(found[0].commit)
                    return found
            self.stopping.wait(PAUSE)  # without the lock: who has a run behind it may go on
        raise KeyboardInterrupt

    def _found(self, research: Research) -> Task | None:
        self.klass = self.klass or class_here(research, self.backend)
        found = self._first(research) or self._calibration(research)
        return found or self._unfinished(research) or self._new(research)

    def _first(self, research: Research) -> Task | None:
        """The baseline, while its class has none: everything else is compared with it."""
        if past.baseline(research.memory.index, self.klass):
            return None
        first = propose(research, self.klass, self.rng)
        if first.commit in self.in_hand:
            return None
        with contextlib.suppress(BusyError):
            return first, self._claimed(research, first)
        return None

    def _calibration(self, research: Research) -> Task | None:
        """Once, the baseline's first run again: the same seed, so that only the host differs."""
        asked, self.calibrate = self.calibrate, False
        host = str(self.backend.fingerprint().get("host", "")) if asked else ""
        known = uncalibrated(research, self.klass, host)
        if not known:
            return None
        self.say("the baseline never ran on this machine: it runs first")
        with contextlib.suppress(BusyError):
            return known, self._claimed(research, known, known.runs[0].seed)
        return None

    def _unfinished(self, research: Research) -> Task | None:
        """What a stage was left at: proposed and never run, killed, or run and never judged."""
        undone = "decided = 0 AND contract = ? AND verdict <> 'running' ORDER BY seq LIMIT 100"
        for experiment in research.memory.index.select(undone, research.contract_id):
            if experiment.commit in self.in_hand:
                continue
            failed = [run for run in experiment.runs if run.outcome in ("killed", "harness")]
            if len(experiment.runs) > len(failed) or len(failed) >= ATTEMPTS:
                return experiment, None
            with contextlib.suppress(BusyError):
                if job := self._claimed(research, experiment):
                    return experiment, job
        return None

    def _new(self, research: Research) -> Task | None:
        experiment = self._idea(research)
        with contextlib.suppress(BusyError):
            if job := self._claimed(research, experiment):
                return experiment, job
        return None

    def _idea(self, research: Research) -> Experiment:
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(DuplicateError):  # another throw of the dice finds another
                return propose(research, self.klass, self.rng)
        return propose(research, self.klass, self.rng)

    def _claimed(
        self, research: Research, experiment: Experiment, seed: int | None = None
    ) -> Job | None:
        backend, spent = self.backend.name, self.spent()
        return claim(research, experiment, seed=seed, backend=backend, budget=spent)
