"""What is made of a local run's end: its `Finished`, with every check that looks at the machine."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoresearch_git.backends import contention, hardware, slots, witness
from autoresearch_git.backends.base import Finished, Handle, Job
from autoresearch_git.backends.orphans import reap
from autoresearch_git.git import locate


@dataclass
class Flight:
    """A run of this process between `submit` and `result`."""

    job: Job
    handle: Handle
    slot: slots.Slot
    process: subprocess.Popen[bytes]
    fingerprint: dict[str, Any]
    place: locate.Place
    seen: witness.Seen
    busy: contention.Busy | None  # of the cores, at the start; None: contention does not count
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0
    end: dict[str, Any] = field(default_factory=dict)
    speeds: list[float] = field(default_factory=list)  # tokens a second, of each update


def finished(flight: Flight, no_sandbox: str) -> Finished:
    """Everything that was measured, once the supervisor has said its last word (or died)."""
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
        facts=facts_of(end, slot.name, flight.speeds),
    )


def facts_of(end: Mapping[str, Any], place: str, speeds: list[float]) -> dict[str, Any]:
    """What a supervisor's last word says of where it ran and what that took."""
    return {
        "slot": place,
        "cpu_seconds": round(float(end.get("cpu", 0.0)), 2),
        "peak_mib": int(end.get("peak_kib", 0)) >> 10,
        "log_bytes": end.get("log", 0),
        "tokens_per_second": speed_of(speeds),
    }


def _checks(flight: Flight, end: dict[str, Any], seconds: float, bare: str) -> dict[str, Any]:
    job, slot = flight.job, flight.slot
    checks: dict[str, Any] = {"sandbox": not bare} | ({"no_sandbox": bare} if bare else {})
    checks |= {name: end[name] for name in ("leftover", "left") if end.get(name)}
    if flight.busy is not None:
        cpu = float(end.get("cpu", 0.0)) + float(end.get("supervisor_cpu", 0.0))
        foreign = contention.others(flight.busy, contention.busy(), slot.cores, cpu, seconds)
        speed = speed_of(flight.speeds)
        idle_gpu = 0.0 if slot.gpus else foreign  # on a GPU the cores decide little
        checks |= contention.check(speed, job.usual, idle_gpu, cpu / seconds, slot.share)
    if end.get("dropped"):
        checks["log_left_out"] = end["dropped"]
    if (reports := parse_report(str(end.get("report", "")))[1]) > 1:
        checks["reports"] = reports
    if still := hardware.gpu_processes(slot.gpus, patience=hardware.TEARDOWN):
        checks["gpu_left"] = still
    after = witness.look(flight.place, (*job.targets, *job.protected))
    if bare and (touched := witness.changed(flight.seen, after)):
        checks["repository"] = touched
    if job.protected:
        tree = slot.folder / "tree"
        checks["protected"] = dict(job.protected)
        checks["found"] = {
            path: witness.blob(tree / path, oid) for path, oid in job.protected.items()
        }
    return checks


def speed_of(speeds: list[float]) -> float | None:
    """The run's tokens a second: the median, since single steps vary and the first ones warm up."""
    return round(statistics.median(speeds), 1) if speeds else None


def parse_report(text: str) -> tuple[dict[str, Any] | None, int]:
    """(first JSON object of the private channel, how many lines came). More than one is odd."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        first = json.loads(lines[0]) if lines else None
    except ValueError:
        first = {"unreadable": lines[0][:200]}
    return (first if isinstance(first, dict) else None), len(lines)
