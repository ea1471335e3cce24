"""Calibrate: what one machine makes of the baseline, beside what others made of it.

The review tells scatter between hosts from scatter on one (`review/noise.py`), and can only do so
where a tree ran on several.
"""

from __future__ import annotations

from autoresearch_git.memory import past
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.review import noise


def uncalibrated(research: Research, klass: str, host: str) -> Experiment | None:
    """The baseline of a class, if it has a result, but none from this host."""
    known = past.baseline(research.memory.index, klass)
    if not known or not host:
        return None
    hosts = {noise.host(run) for run in known.runs if run.value is not None}
    return known if hosts and host not in hosts else None
