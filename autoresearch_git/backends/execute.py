"""One run from a job to its record, whatever happens on the way."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO

from autoresearch_git.backends import hardware
from autoresearch_git.backends.base import Announce, Backend, Finished, Handle, Job, Update
from autoresearch_git.backends.early import Watch
from autoresearch_git.errors import ArError
from autoresearch_git.records import Run

OnUpdate = Callable[[Update], None]


def execute(
    job: Job,
    backend: Backend,
    on_update: OnUpdate | None = None,
    announce: Announce | None = None,
    early: Watch | None = None,
) -> Run:
    """Run the job and return its record; never raises for anything that a run can do.

    `early` may stop it when it is hopeless; the record then is `stopped`, never a best, and
    `checks["early_stop"]` holds the forecast. A forecast that did not stop it is there as well.

    `announce` is called with the place before the command starts: write the lease there. In the
    main thread Ctrl-C (or TERM, HUP) ends the run cleanly, a second one at once; the record then
    has `checks["interrupted"]`, and the caller should stop.
    """
    with interrupts(job, backend) as hits:
        try:
            finished = _follow(job, backend, hits, _both(backend, hits, on_update, early), announce)
        except (ArError, OSError) as error:
            finished = Finished(job.run, "harness", None, 0.0, job.log, error=str(error))
    checks: dict[str, Any] = {"interrupted": True} if hits.count else {}
    if early and early.last:
        checks["early_stop"] = asdict(early.last)
    return record(job, finished, backend.name, checks)


def _follow(
    job: Job,
    backend: Backend,
    hits: Interrupts,
    on_update: OnUpdate,
    announce: Announce | None,
) -> Finished:
    try:
        # A run that outlived the process which started it is followed, not started again.
        hits.handle = backend.attach(job.run) or backend.submit(job, announce)
    except KeyboardInterrupt:
        hits.handle = backend.attach(job.run)  # it may have been started just before
        if not hits.handle:
            return Finished(job.run, "killed", None, 0.0, job.log, error="interrupted, not started")
        backend.cancel(hits.handle)
    try:
        for update in backend.stream(hits.handle):
            on_update(update)
    except BaseException:  # the caller's fault, but its run must not go on unseen
        backend.cancel(hits.handle, hard=True)
        backend.result(hits.handle)
        raise
    return backend.result(hits.handle)


def _both(
    backend: Backend, hits: Interrupts, on_update: OnUpdate | None, early: Watch | None
) -> OnUpdate:
    """What is done with each update: it is shown, and may end the run."""

    def see(update: Update) -> None:
        if on_update:
            on_update(update)
        if early and early.see(update.share, update.loss) and hits.handle:
            backend.cancel(hits.handle, "stopped")

    return see


def record(job: Job, finished: Finished, backend: str, checks: dict[str, Any]) -> Run:
    """The record of a finished run: its log read, its end judged."""
    from autoresearch_git.review.log import read_log
    from autoresearch_git.review.outcome import judge_run

    with _opened(finished.log) as log:
        summary = read_log(log, job.metric)
    outcome, signature, detail = judge_run(
        summary,
        finished.exit,
        finished.timed_out,
        finished.killed,
        finished.error if finished.ended == "harness" else "",
        job.targets,
    )
    if finished.ended == "stopped":
        outcome, signature, detail = "stopped", "", _why_stopped(checks.get("early_stop"))
    elif finished.ended in ("disk", "killed") and finished.error:
        detail = finished.error
    found = dict(job.facts) | dict(finished.checks) | checks
    if summary.mentions != 1:
        found["mentions"] = summary.mentions
    if finished.report is not None:
        found["report"] = dict(finished.report)
    return Run(
        run=job.run,
        outcome=outcome,
        seconds=round(finished.seconds, 3),
        klass=hardware.run_class(job.contract, finished.hardware),
        value=summary.value if outcome == "ok" else None,
        metrics=summary.metrics,
        seed=job.seed,
        exit=finished.exit,
        signature=signature,
        detail=detail,
        curve=summary.curve,
        hardware=dict(finished.hardware),
        checks=found | {"facts": dict(finished.facts)},
        backend=backend,
        cost=finished.cost,
    )


class Interrupts:
    """How often the user asked to stop, and which run that is about."""

    def __init__(self) -> None:
        self.count = 0
        self.handle: Handle | None = None


@contextlib.contextmanager
def interrupts(job: Job, backend: Backend) -> Iterator[Interrupts]:
    """While inside, the first INT, TERM or HUP ends the run with its grace, the next at once.

    Only in the main thread: elsewhere the caller's own handlers decide (see `Backend.cancel`).
    """
    hits = Interrupts()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        hits.count += 1
        if not hits.handle:
            raise KeyboardInterrupt  # still waiting for a slot
        backend.cancel(hits.handle, hard=hits.count > 1)

    if threading.current_thread() is not threading.main_thread():
        yield hits
        return
    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old = {number: signal.signal(number, stop) for number in caught}
    try:
        yield hits
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _why_stopped(forecast: Mapping[str, Any] | None) -> str:
    if not forecast:
        return "stopped early"
    seen = f"stopped at {forecast['share']:.0%} of the budget"
    expected = f"{forecast['predicted']:.4f} [{forecast['low']:.4f}, {forecast['high']:.4f}]"
    return f"{seen}: {forecast['chance']:.1%} to be the best, expected {expected}"


def _opened(log: Path) -> BinaryIO:
    try:
        return log.open("rb")
    except OSError:
        return io.BytesIO()
