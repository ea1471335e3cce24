"""Runs on this machine: a slot, a clean checkout, a supervisor process, a result."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from typing import Any

from autoresearch_git.backends import (
    contention,
    hardware,
    launch,
    lease,
    sandbox,
    slots,
    witness,
)
from autoresearch_git.backends.aftermath import Flight, finished
from autoresearch_git.backends.base import Announce, Finished, Handle, Job, Options, Update
from autoresearch_git.errors import HarnessError
from autoresearch_git.git import checkout, locate

TOLD = 1.0  # seconds between what the slot's file says of a run in flight


class LocalBackend:
    """Backend `local`: one supervisor process a run, one slot a supervisor."""

    name = "local"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = options.folder / "slots"
        self.gpus = hardware.gpus()
        self.gpus_a_run = min(1, len(self.gpus)) if options.gpus is None else options.gpus
        self._jobs = options.jobs or slots.room(self.gpus, self.gpus_a_run)
        if self._jobs * self.gpus_a_run > len(self.gpus):
            raise HarnessError(
                f"{self._jobs} runs of {self.gpus_a_run} GPUs at once, on {len(self.gpus)} GPUs",
                "use --jobs auto: two timed runs never share a GPU",
            )
        self.no_sandbox = _why_no_sandbox(options)
        self.flights: dict[str, Flight] = {}
        slots.sweep(self.folder)

    @property
    def jobs(self) -> int:
        """Runs at once."""
        return self._jobs

    def check(self) -> None:
        """Nothing: what could be missing is the command's affair."""

    def fingerprint(self) -> Mapping[str, Any]:
        """What a run of this backend runs on, before there is one."""
        share = slots.share_of(self._jobs)
        return hardware.fingerprint(self.gpus[: self.gpus_a_run], share)

    def submit(self, job: Job, announce: Announce | None = None) -> Handle:
        """Wait for a slot, fill it with the commit's files, announce it, start the command."""
        slot = self._take()
        try:
            handle = Handle(job.run, self.name, slot.name)
            _mark(slot, job, {})
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
        alone = self.options.extra.get("contention") != "ignore"
        busy = contention.busy() if alone else None
        self.flights[job.run] = Flight(job, handle, slot, process, fingerprint, place, seen, busy)
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
        """A run in flight. Another process's run can be watched and ended, its result is theirs.

        None when that process died: its supervisor may still be ending the run, but nobody will
        record it.
        """
        if flight := self.flights.get(run):
            return flight.handle
        said = self._said(run)
        if not said or not lease.is_alive(int(said["pid"]), float(said["time"])):
            return None
        return Handle(run, self.name, str(said["slot"]))

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
            return finished(flight, self.no_sandbox)
        finally:
            for pipe in (flight.process.stdin, flight.process.stdout):
                if pipe:
                    pipe.close()
            if flight.end.get("ended") == "disk":
                checkout.drop(flight.slot.folder)
            shutil.rmtree(flight.slot.folder / "tmp", ignore_errors=True)
            del self.flights[handle.run]
            slots.release(flight.slot)

    def _take(self) -> slots.Slot:
        """A slot whose GPUs nobody else computes on; what foreign programs use is passed over."""
        gpus = self.gpus
        while True:
            slot = slots.acquire(self.folder, self._jobs, gpus, self.gpus_a_run, self.options.wait)
            busy = hardware.gpu_processes(slot.gpus, patience=hardware.TEARDOWN)
            if not busy:
                return slot
            slots.release(slot)
            gpus = tuple(gpu for gpu in gpus if gpu.uuid not in busy)
            if len(gpus) < self.gpus_a_run:
                pids = ", ".join(str(pid) for held in busy.values() for pid in held)
                raise HarnessError(
                    f"all GPUs are in use; the last one by process {pids}",
                    "end it, or wait: timings on a shared GPU are worth nothing",
                )

    def _seen(self, flight: Flight, now: Update) -> Update:
        if now.tokens_per_second:
            flight.speeds.append(now.tokens_per_second)
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


def update(run: str, seconds: float, line: str) -> Update:
    """The update that a line of output makes."""
    from autoresearch_git.review.progress import progress

    said = progress(line.encode())
    if said is None:
        return Update(run, seconds, line)
    return Update(run, seconds, line, said.share, said.loss, said.speed, said.mfu, said.left)
