"""Numbers, durations and times as people read them."""

from __future__ import annotations

import time

from autoresearch_git.records import Experiment, Review

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def number(value: float | None) -> str:
    """Six decimals as the benchmark prints, or six digits where that would show nothing."""
    if value is None:
        return "-"
    return f"{value:.6f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.6g}"


def signed(value: float | None) -> str:
    """A difference with its sign, "" where there is none."""
    if value is None:
        return ""
    return f"{value:+.6f}" if 1e-6 <= abs(value) < 1e6 or value == 0 else f"{value:+.3g}"


def estimate(review: Review | None) -> float | None:
    """The middle of a review's interval: its value without the luck of the draw."""
    if review is None or review.value is None:
        return None
    if review.low is None or review.high is None:
        return review.value
    return (review.low + review.high) / 2


def interval(review: Review | None) -> str:
    """The 95% interval of the true value, "" where it is not known."""
    if review is None or review.low is None or review.high is None:
        return ""
    return f"[{number(review.low)}, {number(review.high)}]"


def duration(seconds: float) -> str:
    """A length of time in its two largest units at most."""
    if seconds < MINUTE:
        return f"{seconds:.0f}s"
    if seconds < HOUR:
        return f"{seconds / MINUTE:.0f}m"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.1f}h"
    return f"{seconds / DAY:.1f}d"


def ago(when: float, now: float | None = None) -> str:
    """How long ago a time was; a time in the future is said to be one."""
    passed = (time.time() if now is None else now) - when
    return duration(passed) if passed >= 0 else f"in {duration(-passed)}"


def clock(when: float) -> str:
    """A time in UTC, to the minute, without the year."""
    return time.strftime("%m-%d %H:%M", time.gmtime(max(0.0, when)))


def when(experiment: Experiment) -> float:
    """When it was proposed; of an imported one, when that was elsewhere, if its ledger tells."""
    imported = experiment.plan.agent.get("imported") if experiment.plan else None
    told = imported.get("time") if isinstance(imported, dict) else None
    return told if isinstance(told, float | int) else experiment.time


def seconds_of(experiment: Experiment) -> float:
    """Wall seconds that were really spent on its runs."""
    return sum(run.seconds for run in experiment.runs if not run.cached)
