"""Claims: who executes an experiment now, which runs were left behind, and which are lost."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping

from autoresearch_git.backends import contention
from autoresearch_git.backends.base import Backend, Job
from autoresearch_git.backends.lease import is_stale
from autoresearch_git.backends.lease import until as lease_until
from autoresearch_git.errors import BusyError
from autoresearch_git.records import Event, Experiment, Lease, Run
from autoresearch_git.research import Research

_RUNNING = "decided = 0 AND verdict = 'running'"
SEED = 42  # of a first run; replicates count on from it


class _ResultKnownError(Exception):
    """Somebody finished it between our look and the lock."""


def claim(
    research: Research,
    experiment: Experiment,
    *,
    seed: int | None = None,
    replicate: bool = False,
    timeout: float | None = None,
    backend: str = "local",
    budget: Mapping[str, tuple[float, float]] | None = None,
) -> Job | None:
    """Take an experiment's next run, so that nobody else does; None if its result is known.

    The lease goes to the trail under the lock, with what its loop has spent of its budget, so
    that every clone sees it. Raises BusyError if somebody runs it now.
    """
    again = replicate or experiment.again or seed is not None
    job = _job(research, experiment, seed, timeout)
    memory, oid = research.memory, experiment.commit

    def check() -> None:
        now = memory.experiment(oid) or experiment
        if now.lease and not _stale(research, now):
            raise BusyError(f"{oid[:9]} is being run already", "see: git ar status")
        if not again and _has_result(now):
            raise _ResultKnownError

    try:
        memory.append(_start(job, backend, budget), check=check)
    except _ResultKnownError:
        return None
    return job


def take_over(research: Research, experiment: Experiment, backend: Backend) -> Job | None:
    """A run that lives on though the process that started it died: now ours. None if there is none.

    A local run dies with its process; an engine's does not, and is paid for.
    """
    lease = _left_behind(research, experiment, backend)
    if not lease or not backend.attach(lease.run):
        return None
    job = _job(research, experiment, lease.seed, None, lease.run)
    research.memory.append(
        _start(job, backend.name), check=_nobody_else(research, experiment, lease)
    )
    return job


def left(research: Research, backend: Backend) -> list[tuple[Experiment, Job]]:
    """The runs at an engine that outlived their processes: taken over, to be followed."""
    found = []
    for experiment in research.memory.index.select(_RUNNING):
        with contextlib.suppress(BusyError):
            if job := take_over(research, experiment, backend):
                found.append((experiment, job))
    return found


def reclaim(research: Research, backend: Backend) -> list[Experiment]:
    """Record the runs of this host whose process is gone as killed; the experiments concerned."""
    running = research.memory.index.select(_RUNNING)
    return [experiment for experiment in running if record_lost(research, experiment, backend)]


def record_lost(research: Research, experiment: Experiment, backend: Backend) -> bool:
    """Record an experiment's run as killed if its process is gone; whether that was so."""
    lease = _left_behind(research, experiment, backend)
    if not lease or backend.attach(lease.run):
        return False
    lost = Run(
        run=lease.run,
        outcome="killed",
        seconds=0.0,
        klass="",
        seed=lease.seed,
        detail="the process that ran it is gone",
    )
    event = Event(kind="run", commit=experiment.commit, run=lost)
    try:
        research.memory.append(event, check=_nobody_else(research, experiment, lease))
    except BusyError:
        return False
    return True


def _left_behind(research: Research, experiment: Experiment, backend: Backend) -> Lease | None:
    """The lease of a run at this backend whose process is gone."""
    lease = (research.memory.experiment(experiment.commit) or experiment).lease
    if not lease or lease.backend != backend.name or not _stale(research, experiment):
        return None
    return lease


def _nobody_else(research: Research, experiment: Experiment, lease: Lease) -> Callable[[], None]:
    """A check for under the lock: nobody else took the run over or recorded it since."""

    def check() -> None:
        now = research.memory.experiment(experiment.commit) or experiment
        if not now.lease or now.lease.run != lease.run or not _stale(research, now):
            raise BusyError(f"{experiment.commit[:9]} was taken over already", "see: git ar status")

    return check


def is_followed(research: Research, run: str) -> bool:
    """Whether some living process waits for a run, as far as this memory knows."""
    held = research.memory.index.select(_RUNNING)
    return any(e.lease and e.lease.run == run and not _stale(research, e) for e in held)


def _stale(research: Research, experiment: Experiment) -> bool:
    """Whether the process that holds an experiment's lease can no longer give a result."""
    events = research.memory.index.events_of(experiment.commit, "start")
    last = events[-1] if events else None
    if not last or not last.lease:
        return True
    return is_stale(last.lease, last.host, time.time(), taken=last.time)


def _has_result(experiment: Experiment) -> bool:
    return any(run.outcome not in ("harness", "killed") for run in experiment.runs)


def _start(
    job: Job, backend: str, budget: Mapping[str, tuple[float, float]] | None = None
) -> Event:
    lease = Lease(
        run=job.run,
        pid=os.getpid(),
        slot="",
        until=float(round(lease_until(time.time(), job.timeout, job.grace))),
        backend=backend,
        seed=job.seed,
        budget=dict(budget or {}),
    )
    return Event(kind="start", commit=job.commit, lease=lease)


def _job(
    research: Research,
    experiment: Experiment,
    seed: int | None,
    timeout: float | None,
    name: str = "",
) -> Job:
    contract, name = research.contract, name or secrets.token_hex(6)
    done = {run.seed for run in experiment.runs if run.outcome == "ok"}
    if seed is None:
        seed = next(s for s in range(SEED, SEED + len(done) + 1) if s not in done)
    logs = research.memory.place.private / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    return Job(
        run=name,
        repo=research.memory.place.work or research.memory.place.git_dir,
        commit=experiment.commit,
        contract=research.contract_id,
        command=contract.command,
        metric=contract.metric,
        timeout=timeout or contract.timeout_seconds,
        log=logs / f"{name}.log",
        minimize=contract.minimize,
        budget=contract.budget,
        seed=seed,
        env={} if contract.budget is None else {"AUTORESEARCH_SECONDS": f"{contract.budget:g}"},
        protected=research.protected,
        targets=contract.target,
        facts={
            "changed": research.repo.differing(research.tip, experiment.commit),
            "targets": list(contract.target),
            "command": contract.command,
            "ran": contract.command,
        }
        | ({} if contract.budget is None else {"budget": contract.budget}),
        usual=contention.usual(experiment.runs, experiment.klass),
    )
