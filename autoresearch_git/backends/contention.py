"""Whether a timed run had its machine to itself: what others used, and how fast it was."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from autoresearch_git.records import Run

SLOWER = 0.02  # share of the usual tokens a second below which a run counts as disturbed
OTHERS = 0.05  # foreign work, as a share of the run's cores, that disturbs a machine that is full
FULL = 0.95  # share of the cores in use from which on there is nothing left to give way

_IDLE = (3, 4)  # columns of /proc/stat: idle, iowait
_GUEST = 8  # from here on, time that is counted twice

Busy = dict[int, float]  # core -> busy seconds since boot, stolen time included


def busy() -> Busy:
    """What each core has done so far; {} where /proc does not say."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    tick = os.sysconf("SC_CLK_TCK")
    found = {}
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            used = (int(n) for i, n in enumerate(numbers[:_GUEST]) if i not in _IDLE)
            found[int(name[3:])] = sum(used) / tick
    return found


def others(before: Busy, after: Busy, cores: Sequence[int], own: float, seconds: float) -> float:
    """Cores' worth of work that was not the run's own, on its cores (all cores if it has none)."""
    if seconds <= 0 or not before:
        return 0.0
    mine = [core for core in (cores or after) if core in before and core in after]
    done = sum(after[core] - before[core] for core in mine)
    return max(0.0, (done - own) / seconds)


def usual(runs: Iterable[Run], klass: str) -> float | None:
    """Tokens a second that undisturbed runs of one tree had in a class; None before two of them."""
    speeds = [
        speed
        for run in runs
        if run.klass == klass
        and run.outcome == "ok"
        and not run.cached
        and "contended" not in run.checks
        and (speed := run.checks.get("facts", {}).get("tokens_per_second"))
    ]
    return statistics.median(speeds) if len(speeds) > 1 else None


def check(
    speed: float | None, usual: float | None, foreign: float, own: float, cores: float
) -> dict[str, Any]:
    """What goes into a run's checks: `contended` says why, and is absent when it was not.

    `speed` and `usual` are in tokens a second; `foreign` and `own` say how many of the run's
    `cores` others and the run itself used on average. Where the usual speed is known it decides.
    Contended runs are results, but say nothing about the noise: keep them out of sigma.
    """
    found: dict[str, Any] = {"other_cores": round(foreign, 2)} if foreign > 0.01 else {}
    if speed and usual:
        if speed < (1 - SLOWER) * usual:
            found["contended"] = f"{1 - speed / usual:.1%} fewer tokens a second than usual"
    elif foreign > OTHERS * cores and foreign + own > FULL * cores:
        found["contended"] = f"others used {foreign:.1f} of its {cores:g} cores"
    return found
