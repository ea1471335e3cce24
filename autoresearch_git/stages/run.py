"""Run: execute an experiment once and put exactly one fact on the trail, whatever happens."""

from __future__ import annotations

from collections.abc import Callable

from autoresearch_git.backends.base import Backend, Handle, Job, Update
from autoresearch_git.backends.early import Past, Watch
from autoresearch_git.backends.execute import execute
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event, Experiment, Run
from autoresearch_git.research import Research
from autoresearch_git.stages.claim import claim, record_lost, take_over
from autoresearch_git.stages.pool import Flights

OnUpdate = Callable[[Update], None]


def run(
    research: Research,
    experiment: Experiment,
    backend: Backend,
    *,
    seed: int | None = None,
    replicate: bool = False,
    timeout: float | None = None,
    on_update: OnUpdate | None = None,
    flights: Flights | None = None,
    watch: Watch | None = None,
) -> Experiment:
    """Execute an experiment once, or return it as it is when its result is known.

    Raises KeyboardInterrupt, after the fact is recorded, when the user stopped it.
    """
    job = take_over(research, experiment, backend)
    if not job:
        record_lost(research, experiment, backend)
        job = claim(
            research,
            experiment,
            seed=seed,
            replicate=replicate,
            timeout=timeout,
            backend=backend.name,
        )
    return finish(research, experiment, job, backend, on_update, flights, watch)


def finish(
    research: Research,
    experiment: Experiment,
    job: Job | None,
    backend: Backend,
    on_update: OnUpdate | None = None,
    flights: Flights | None = None,
    watch: Watch | None = None,
) -> Experiment:
    """Perform a claimed job (None: there is nothing to do) and return what is known then."""
    if job is None:
        return experiment
    done = perform(job, backend, on_update, flights, watch)
    research.memory.refresh()
    if done.checks.get("interrupted"):
        raise KeyboardInterrupt
    return research.memory.experiment(experiment.commit) or experiment


def perform(
    job: Job,
    backend: Backend,
    on_update: OnUpdate | None = None,
    flights: Flights | None = None,
    watch: Watch | None = None,
) -> Run:
    """Execute a claimed job and record it. Opens a memory of its own, so any thread may call."""

    def announce(handle: Handle) -> None:
        if flights:
            flights.handles[job.run] = handle

    run = execute(job, backend, on_update, announce, watch)
    if flights:
        flights.handles.pop(job.run, None)
    try:
        log = job.log.read_bytes()
    except OSError:
        log = b""
    Memory.open(job.repo).append(Event(kind="run", commit=job.commit, run=run), log=log)
    job.log.unlink(missing_ok=True)
    return run


def early_stop(research: Research, klass: str) -> Watch | None:
    """What ends hopeless runs of a class early; None while there is nothing to beat."""
    history = research.history(klass)
    best = history.incumbent.value if history.incumbent else None
    if best is None:
        return None
    runs = [run for e in history.recent for run in e.runs if run.klass == klass]
    past = [Past(run.curve, run.value) for run in runs if run.curve and run.value is not None]
    return Watch(past, best, history.minimize)
