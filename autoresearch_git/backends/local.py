"""Runs on this machine: a slot, a clean checkout, a supervisor process, a result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from autoresearch_git.backends import contention, hardware, launch, sandbox, slots, witness
from autoresearch_git.backends.base import Announce, Finished, Handle, Job, Options, Update
from autoresearch_git.backends.orphans import reap
from autoresearch_git.errors import HarnessError
from autoresearch_git.git import checkout, locate

TOLD = 1.0  # seconds between what the slot's file says of a run in flight


@dataclass
class _Flight:
    """A run of this process between `submit` and `result`."""

    job: Job
    handle: Handle
    slot: slots.Slot
    process: subprocess.Popen[bytes]
    fingerprint: dict[str, Any]
    place: locate.Place
    seen: witness.Seen
    started: float = field(default_factory=time.monotonic)
    busy: contention.Busy = field(default_factory=contention.busy)  # of the cores, at the start
    told: float = 0.0
    end: dict[str, Any] = field(default_factory=dict)
    last: Update | None = None


class LocalBackend:
    """Backend `local`: one supervisor process a run, one slot a supervisor."""

    name = "local"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = options.folder / "slots"
        self.gpus = hardware.gpus()
        self.gpus_a_run = min(1, len(self.gpus)) if options.gpus is None else options.gpus
        self._jobs = options.jobs or slots.room(self.gpus, self.gpus_a_run)
        self.no_sandbox = _why_no_sandbox(options)
        self.flights: dict[str, _Flight] = {}

    @property
    def jobs(self) -> int:
        """Runs at once."""
        return self._jobs

    def submit(self, job: Job, announce: Announce | None = None) -> Handle:
        """Wait for a slot, fill it with the commit's files, announce it, start the command."""
        slot = slots.acquire(self.folder, self._jobs, self.gpus, self.gpus_a_run, self.options.wait)
        try:
            handle = Handle(job.run, self.name, slot.name)
            _mark(slot, job, {})
            refuse_busy_gpus(slot)
            place = locate.find(job.repo)
            tree = checkout.materialize(job.repo, job.commit, slot.folder, job.protected)
            env = launch.prepare(job, slot, tree, self.options)
            fingerprint = hardware.fingerprint(slot.gpus, slot.share, job.data)
            seen = witness.look(place, (*job.targets, *job.protected))
            if announce:
                announce(handle)
            boxed = not self.no_sandbox
            process = launch.start(job, slot, tree, self.options, env, sandboxed=boxed)
        except BaseException:
            slots.release(slot)
            raise
        self.flights[job.run] = _Flight(job, handle, slot, process, fingerprint, place, seen)
        _mark(slot, job, {"supervisor": process.pid})
        return handle

    def stream(self, handle: Handle) -> Iterator[Update]:
        """Updates while it runs, about five a second; ends when the command and its tree died."""
        flight = self.flights.get(handle.run)
        if flight is None:
            yield from self._watch(handle)
            return
        assert flight.process.stdout
        for raw in flight.process.stdout:
            with contextlib.suppress(ValueError):
                said = json.loads(raw)
                if "end" in said:
                    flight.end = said["end"]
                    return
                yield self._seen(flight, update(handle.run, said["seconds"], said["line"]))

    def cancel(self, handle: Handle, ending: str = "killed", *, hard: bool = False) -> None:
        """Tell the supervisor; safe from any thread and from a signal handler."""
        flight = self.flights.get(handle.run)
        if flight is None:
            said = self._said(handle.run)
            if said and said.get("supervisor"):
                os.kill(said["supervisor"], signal.SIGTERM)
        elif flight.process.stdin:
            with contextlib.suppress(OSError, ValueError):
                word = f"{ending} hard\n" if hard else f"{ending}\n"
                os.write(flight.process.stdin.fileno(), word.encode())

    def attach(self, run: str) -> Handle | None:
        """A run in flight. Another process's run can be watched and ended, its result is theirs."""
        if flight := self.flights.get(run):
            return flight.handle
        said = self._said(run)
        return Handle(run, self.name, str(said["slot"])) if said else None

    def result(self, handle: Handle) -> Finished:
        """Wait for the end, make sure that nothing is left, give the slot back."""
        if handle.run not in self.flights:
            raise HarnessError(
                f"run {handle.run} is not this process's: its result is on the trail"
            )
        flight = self.flights[handle.run]
        try:
            for _ in self.stream(handle):
                pass
            flight.process.wait()
            return _finished(flight, self.no_sandbox)
        finally:
            for pipe in (flight.process.stdin, flight.process.stdout):
                if pipe:
                    pipe.close()
            if flight.end.get("ended") == "disk":
                checkout.drop(flight.slot.folder)
            shutil.rmtree(flight.slot.folder / "tmp", ignore_errors=True)
            del self.flights[handle.run]
            slots.release(flight.slot)

    def _seen(self, flight: _Flight, now: Update) -> Update:
        flight.last = now
        if now.seconds - flight.told >= TOLD:
            flight.told = now.seconds
            said = {name: value for name, value in vars(now).items() if value is not None}
            _mark(flight.slot, flight.job, said | {"supervisor": flight.process.pid})
        return now

    def _said(self, run: str) -> dict[str, Any] | None:
        found = slots.occupied(self.folder)
        return next((dict(said) for said in found if said.get("run") == run), None)

    def _watch(self, handle: Handle) -> Iterator[Update]:
        fields = ("line", "share", "loss", "tokens_per_second", "mfu", "remaining")
        while (said := self._said(handle.run)) is not None:
            told = {name: said[name] for name in fields if name in said}
            if told:
                yield Update(handle.run, float(said["seconds"]), **told)
            time.sleep(TOLD / 2)


def _mark(slot: slots.Slot, job: Job, more: dict[str, Any]) -> None:
    about = {"run": job.run, "commit": job.commit, "pid": os.getpid(), "log": str(job.log)}
    slots.mark(slot, about | {"timeout": job.timeout} | more)


def _why_no_sandbox(options: Options) -> str:
    if options.sandbox is False:
        return "switched off"
    why = sandbox.trouble()
    if why and options.sandbox:
        raise HarnessError(f"no sandbox: {why}", "install bubblewrap, or use --no-sandbox")
    return why


def _finished(flight: _Flight, no_sandbox: str) -> Finished:
    end, job, slot = flight.end, flight.job, flight.slot
    if not end:  # the supervisor itself was killed
        killed = reap("AR_RUN", job.run)
        end = {"ended": "killed", "why": "its supervisor was killed", "leftover": killed}
    seconds = float(end.get("seconds") or time.monotonic() - flight.started)
    return Finished(
        run=job.run,
        ended=str(end["ended"]),
        exit=end.get("exit"),
        seconds=seconds,
        log=job.log,
        error=str(end.get("why", "")),
        hardware=flight.fingerprint,
        report=parse_report(str(end.get("report", "")))[0],
        checks=_checks(flight, end, seconds, no_sandbox),
        facts={
            "slot": slot.name,
            "cpu_seconds": round(float(end.get("cpu", 0.0)), 2),
            "peak_mib": int(end.get("peak_kib", 0)) >> 10,
            "log_bytes": end.get("log", 0),
        },
    )


def _checks(flight: _Flight, end: dict[str, Any], seconds: float, bare: str) -> dict[str, Any]:
    job, slot = flight.job, flight.slot
    checks: dict[str, Any] = {"sandbox": not bare} | ({"no_sandbox": bare} if bare else {})
    checks |= {name: end[name] for name in ("leftover", "left") if end.get(name)}
    cpu = float(end.get("cpu", 0.0)) + float(end.get("supervisor_cpu", 0.0))
    foreign = contention.others(flight.busy, contention.busy(), slot.cores, cpu, seconds)
    speed = flight.last.tokens_per_second if flight.last else None
    idle_gpu = 0.0 if slot.gpus else foreign  # on a GPU the cores decide little
    checks |= contention.check(speed, job.usual, idle_gpu, cpu / seconds, slot.share)
    if end.get("dropped"):
        checks["log_left_out"] = end["dropped"]
    if (reports := parse_report(str(end.get("report", "")))[1]) > 1:
        checks["reports"] = reports
    if still := hardware.gpu_processes(slot.gpus):
        checks["gpu_left"] = still
    after = witness.look(flight.place, (*job.targets, *job.protected))
    if bare and (touched := witness.changed(flight.seen, after)):
        checks["repository"] = touched
    return checks


def refuse_busy_gpus(slot: slots.Slot) -> None:
    """HarnessError when a program that is none of ours computes on the slot's GPUs."""
    for uuid, pids in hardware.gpu_processes(slot.gpus).items():
        number = next(gpu.index for gpu in slot.gpus if gpu.uuid == uuid)
        raise HarnessError(
            f"GPU {number} is in use by process {', '.join(map(str, pids))}",
            "end it, or choose another GPU with CUDA_VISIBLE_DEVICES: shared timings are worthless",
        )


def update(run: str, seconds: float, line: str) -> Update:
    """The update that a line of output makes."""
    from autoresearch_git.review.progress import progress

    said = progress(line.encode())
    if said is None:
        return Update(run, seconds, line)
    return Update(run, seconds, line, said.share, said.loss, said.speed, said.mfu, said.left)


def parse_report(text: str) -> tuple[dict[str, Any] | None, int]:
    """(first JSON object of the private channel, how many lines came). More than one is odd."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        first = json.loads(lines[0]) if lines else None
    except ValueError:
        first = {"unreadable": lines[0][:200]}
    return (first if isinstance(first, dict) else None), len(lines)
