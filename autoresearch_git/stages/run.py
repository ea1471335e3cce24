"""Run: execute an experiment once and put exactly one fact on the trail, whatever happens."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from autoresearch_git.backends import BACKENDS, contention, hardware
from autoresearch_git.backends.base import Backend, Handle, Job, Options, Update
from autoresearch_git.backends.early import Past, Watch
from autoresearch_git.backends.execute import execute
from autoresearch_git.backends.lease import is_stale
from autoresearch_git.backends.lease import until as lease_until
from autoresearch_git.errors import ArError, BusyError
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event, Experiment, Lease, Run
from autoresearch_git.research import Research
from autoresearch_git.stages.pool import Flights

_RUNNING = "decided = 0 AND verdict = 'running'"
SEED = 42  # of a first run; replicates count on from it

OnUpdate = Callable[[Update], None]


class _ResultKnownError(Exception):
    """Somebody finished it between our look and the lock."""


def open_backend(
    research: Research,
    name: str = "",
    jobs: str = "",
    sandbox: bool | None = None,
    gpu: str = "",
) -> Backend:
    """The backend that a flag or `ar.backend` names, with so many runs at once (or `ar.jobs`)."""
    name = name or research.setting("backend", "local")
    if name not in BACKENDS:
        raise ArError(f"there is no backend {name!r}", f"one of: {', '.join(BACKENDS)}")
    if gpu and name != "modal":
        cure = "use it with --backend modal; here CUDA_VISIBLE_DEVICES chooses"
        raise ArError("--gpu says what to rent", cure)
    return BACKENDS[name](options(research, name, jobs, sandbox, gpu))


def options(
    research: Research, name: str, jobs: str = "", sandbox: bool | None = None, gpu: str = ""
) -> Options:
    """How a backend is set up here. What only it understands is in `ar.NAME.*`."""
    cache = os.environ.get("AUTORESEARCH_CACHE") or str(Path.home() / ".cache" / "autoresearch")
    place = research.memory.place
    place.private.mkdir(exist_ok=True)
    Path(cache).mkdir(parents=True, exist_ok=True)
    prefix = f"ar.{name}."
    extra = {
        k.removeprefix(prefix): v for k, v in research.settings.items() if k.startswith(prefix)
    }
    return Options(
        folder=place.private,
        jobs=_jobs(jobs or research.setting("jobs", "1")),
        sandbox=sandbox,
        network=research.contract.network,
        cache=Path(cache),
        extra=extra | ({"gpu": gpu} if gpu else {}),
    )


def _jobs(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise ArError(f"jobs is {text!r}", "a number from 1 on, or auto")
    return int(text)


def class_here(research: Research, backend: Backend | None = None) -> str:
    """The class that a run on the backend (default: the one that is configured) would have."""
    backend = backend or open_backend(research)
    return hardware.run_class(research.contract_id, backend.fingerprint())


def early_stop(research: Research, klass: str) -> Watch | None:
    """What ends hopeless runs of a class early; None while there is nothing to beat."""
    history = research.history(klass)
    best = history.incumbent.value if history.incumbent else None
    if best is None:
        return None
    runs = [run for e in history.recent for run in e.runs if run.klass == klass]
    past = [Past(run.curve, run.value) for run in runs if run.curve and run.value is not None]
    return Watch(past, best, history.minimize)


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
    memory = research.memory
    lease = (memory.experiment(experiment.commit) or experiment).lease
    if not lease or lease.backend != backend.name or not _stale(research, experiment):
        return None
    if not backend.attach(lease.run):
        return None
    job = _job(research, experiment, lease.seed, None, lease.run)

    def check() -> None:
        now = memory.experiment(experiment.commit) or experiment
        if not now.lease or now.lease.run != lease.run or not _stale(research, now):
            raise BusyError(f"{experiment.commit[:9]} was taken over already", "see: git ar status")

    memory.append(_start(job, backend.name), check=check)
    return job


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
    job = take_over(research, experiment, backend) or claim(
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


def _has_result(experiment: Experiment) -> bool:
    return any(run.outcome not in ("harness", "killed") for run in experiment.runs)


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


def left(research: Research, backend: Backend) -> list[tuple[Experiment, Job]]:
    """The runs at an engine that outlived their processes: taken over, to be followed."""
    found = []
    for experiment in research.memory.index.select(_RUNNING):
        with contextlib.suppress(BusyError):
            if job := take_over(research, experiment, backend):
                found.append((experiment, job))
    return found


def is_followed(research: Research, run: str) -> bool:
    """Whether some living process waits for a run, as far as this memory knows."""
    held = research.memory.index.select(_RUNNING)
    return any(e.lease and e.lease.run == run and not _stale(research, e) for e in held)


def reclaim(research: Research, backend: Backend) -> list[Experiment]:
    """Record the runs of this host whose process is gone as killed; the experiments concerned."""
    found = []
    for experiment in research.memory.index.select(_RUNNING):
        lease = experiment.lease
        if not lease or lease.backend != backend.name or not _stale(research, experiment):
            continue
        if backend.attach(lease.run):
            continue
        lost = Run(
            run=lease.run,
            outcome="killed",
            seconds=0.0,
            klass="",
            detail="the process that ran it is gone",
        )
        research.memory.append(Event(kind="run", commit=experiment.commit, run=lost))
        found.append(experiment)
    return found


def _stale(research: Research, experiment: Experiment) -> bool:
    """Whether the process that holds an experiment's lease can no longer give a result."""
    events = research.memory.index.events_of(experiment.commit, "start")
    last = events[-1] if events else None
    if not last or not last.lease:
        return True
    return is_stale(last.lease, last.host, time.time(), taken=last.time)
