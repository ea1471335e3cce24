"""Runs on this machine: a slot, a clean checkout, a supervisor process, a result."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoresearch_git.backends import contention, environment, hardware, sandbox, slots
from autoresearch_git.backends.base import Announce, Finished, Handle, Job, Options, Update
from autoresearch_git.backends.orphans import reap
from autoresearch_git.errors import HarnessError
from autoresearch_git.git import checkout

SHELL = re.compile(r"[|&;<>()$`*?\[\]#~\n]|^\s*\w+=")  # what only a shell understands
SUPERVISOR = Path(__file__).with_name("supervisor.py")
HEAD = TAIL = 4 << 20  # bytes of log that are kept from either end


@dataclass
class _Flight:
    """A run of this process between `submit` and `result`."""

    job: Job
    handle: Handle
    slot: slots.Slot
    process: subprocess.Popen[bytes]
    no_sandbox: str  # why it has none, "" when it has
    fingerprint: dict[str, Any]
    started: float = field(default_factory=time.monotonic)
    busy: contention.Busy = field(default_factory=contention.busy)  # of the cores, at the start
    end: dict[str, Any] = field(default_factory=dict)
    last: Update | None = None


class LocalBackend:
    """Backend `local`: one supervisor process a run, one slot a supervisor."""

    name = "local"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = options.folder / "slots"
        self.cache = options.cache or options.folder / "cache"
        self.gpus = hardware.gpus()
        self.gpus_a_run = min(1, len(self.gpus)) if options.gpus is None else options.gpus
        self._jobs = options.jobs or slots.room(self.gpus, self.gpus_a_run)
        self.no_sandbox = self._why_no_sandbox()
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
            slots.mark(slot, {"run": job.run, "commit": job.commit, "log": str(job.log)})
            refuse_busy_gpus(slot)
            tree = checkout.materialize(job.repo, job.commit, slot.folder, job.protected)
            fingerprint = hardware.fingerprint(slot.gpus, slot.share, job.data)
            if announce:
                announce(handle)
            process = self._start(job, slot, tree)
        except BaseException:
            slots.release(slot)
            raise
        self.flights[job.run] = _Flight(job, handle, slot, process, self.no_sandbox, fingerprint)
        return handle

    def stream(self, handle: Handle) -> Iterator[Update]:
        """Updates while it runs, about five a second; ends when the command and its tree died."""
        flight = self._flight(handle)
        assert flight.process.stdout
        for raw in flight.process.stdout:
            try:
                said = json.loads(raw)
            except ValueError:
                continue
            if "end" in said:
                flight.end = said["end"]
                return
            flight.last = update(handle.run, said["seconds"], said["line"])
            yield flight.last

    def cancel(self, handle: Handle, ending: str = "killed", *, hard: bool = False) -> None:
        """Tell the supervisor; safe from any thread and from a signal handler."""
        flight = self.flights.get(handle.run)
        if flight and flight.process.stdin:
            with contextlib.suppress(OSError, ValueError):
                word = f"{ending} hard\n" if hard else f"{ending}\n"
                os.write(flight.process.stdin.fileno(), word.encode())

    def attach(self, run: str) -> Handle | None:
        """A run of this process; another process's run dies with that process."""
        flight = self.flights.get(run)
        return flight.handle if flight else None

    def result(self, handle: Handle) -> Finished:
        """Wait for the end, make sure that nothing is left, give the slot back."""
        flight = self._flight(handle)
        try:
            for _ in self.stream(handle):
                pass
            flight.process.wait()
            return self._finished(flight)
        finally:
            del self.flights[handle.run]
            shutil.rmtree(flight.slot.folder / "tmp", ignore_errors=True)
            slots.release(flight.slot)

    def _why_no_sandbox(self) -> str:
        if self.options.sandbox is False:
            return "switched off"
        why = sandbox.trouble()
        if why and self.options.sandbox:
            raise HarnessError(f"no sandbox: {why}", "install bubblewrap, or use --no-sandbox")
        return why

    def _flight(self, handle: Handle) -> _Flight:
        try:
            return self.flights[handle.run]
        except KeyError:
            raise HarnessError(f"run {handle.run} is not in flight here") from None

    def _start(self, job: Job, slot: slots.Slot, tree: Path) -> subprocess.Popen[bytes]:
        cwd, tmp = tree / job.folder, slot.folder / "tmp"
        shutil.rmtree(tmp, ignore_errors=True)
        for folder in (tmp, self.cache, job.log.parent):
            folder.mkdir(parents=True, exist_ok=True)
        argv = (
            ["/bin/sh", "-c", job.command]
            if SHELL.search(job.command)
            else shlex.split(job.command)
        )
        env = environment.build(
            self.cache,
            tmp,
            seed=job.seed,
            marks={"AR_RUN": job.run, "AR_SLOT": str(slot.file)},
            gpus=[gpu.index for gpu in slot.gpus],
            threads=len(slot.cores) or None,
            network=self.options.network,
            extra=job.env,
        )
        if not self.no_sandbox:
            argv = sandbox.wrap(
                argv,
                writable=(tree, self.cache),
                tmp=tmp,
                readable=(*self.options.readable, *job.data),
                network=self.options.network,
            )
        spec = {
            "argv": argv,
            "cwd": str(cwd),
            "log": str(job.log),
            "head": HEAD,
            "tail": TAIL,
            "timeout": job.timeout,
            "grace": job.grace,
            "disk": job.disk,
            "watched": [str(tree), str(tmp)],
            "cores": list(slot.cores),
            "locks": list(slot.locks),
            "sandboxed": not self.no_sandbox,
        }
        return subprocess.Popen(
            (sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(spec)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            pass_fds=slot.locks,
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for it
        )

    def _finished(self, flight: _Flight) -> Finished:
        end, job, slot = flight.end, flight.job, flight.slot
        if not end:  # the supervisor itself was killed
            killed = reap("AR_RUN", job.run)
            end = {"ended": "killed", "why": "its supervisor was killed", "leftover": killed}
        seconds = float(end.get("seconds") or time.monotonic() - flight.started)
        cpu = float(end.get("cpu", 0.0)) + float(end.get("supervisor_cpu", 0.0))
        foreign = contention.others(flight.busy, contention.busy(), slot.cores, cpu, seconds)
        speed = flight.last.tokens_per_second if flight.last else None
        report, reports = parse_report(str(end.get("report", "")))
        checks: dict[str, Any] = {"sandbox": not flight.no_sandbox}
        if flight.no_sandbox:
            checks["no_sandbox"] = flight.no_sandbox
        checks |= {name: end[name] for name in ("leftover", "left") if end.get(name)}
        checks |= contention.check(
            speed, job.usual, 0.0 if slot.gpus else foreign, cpu / seconds, slot.share
        )
        if end.get("dropped"):
            checks["log_left_out"] = end["dropped"]
        if reports > 1:
            checks["reports"] = reports
        if still := hardware.gpu_processes(slot.gpus):
            checks["gpu_left"] = still
        return Finished(
            run=job.run,
            ended=str(end["ended"]),
            exit=end.get("exit"),
            seconds=seconds,
            log=job.log,
            error=str(end.get("why", "")),
            hardware=flight.fingerprint,
            report=report,
            checks=checks,
            facts={
                "slot": slot.name,
                "cpu_seconds": round(cpu, 2),
                "peak_mib": int(end.get("peak_kib", 0)) >> 10,
                "log_bytes": end.get("log", 0),
            },
        )


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
