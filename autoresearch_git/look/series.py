"""The runs of one class as points in their order, with the best so far: what all charts draw."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autoresearch_git.clean import clean
from autoresearch_git.look.numbers import estimate
from autoresearch_git.records import KEEPS, Experiment

# Verdicts as charts tell them apart: (kind, verdicts that belong to it).
KINDS = {
    "baseline": (),
    "kept": KEEPS,
    "near miss": ("near-miss",),
    "retest": ("retest",),
    "discarded": ("discard",),
    "failed": ("crash", "invalid"),
}
_KIND = {verdict: kind for kind, verdicts in KINDS.items() for verdict in verdicts}


@dataclass(frozen=True)
class Point:
    """One experiment that was decided on, and the best that was known after it."""

    index: int  # 1 for the first one
    commit: str
    kind: str  # one of KINDS
    value: float | None  # mean of its runs; None for what failed
    n: int
    change: str
    best: float | None = None  # middle of the interval of the best so far
    low: float | None = None  # 95% interval of the best so far
    high: float | None = None
    record: bool = False  # it became the best


@dataclass(frozen=True)
class Series:
    """All points of a class, and how to read them."""

    points: tuple[Point, ...]
    metric: str
    minimize: bool

    @property
    def baseline(self) -> float | None:
        return next((p.value for p in self.points if p.kind == "baseline"), None)


def series(experiments: Iterable[Experiment]) -> Series:
    """The points of experiments in the order of their decisions; what has none is left out."""
    points: list[Point] = []
    metric, minimize = "", True
    leader: Experiment | None = None
    for each in experiments:
        if each.decision is None:
            continue
        review = each.review
        if review and review.metric:
            metric, minimize = review.metric, review.minimize
        kind = _kind(each, points)
        record = kind != "failed" and _beats(each, leader, minimize)
        leader = each if record else leader
        known = leader.review if leader else None
        points.append(
            Point(
                index=len(points) + 1,
                commit=each.commit,
                kind=kind,
                value=None if kind == "failed" else each.value,
                n=review.n if review else 0,
                change=clean(each.plan.change, 120) if each.plan else "",
                best=estimate(known),
                low=known.low if known else None,
                high=known.high if known else None,
                record=record,
            )
        )
    return Series(tuple(points), clean(metric, 40) or "metric", minimize)


def _kind(each: Experiment, before: list[Point]) -> str:
    if each.plan and each.plan.emitter == "baseline" and each.value is not None:
        return "kept" if any(p.kind == "baseline" for p in before) else "baseline"
    return _KIND.get(each.verdict, "discarded")


def _beats(each: Experiment, leader: Experiment | None, minimize: bool) -> bool:
    mine = estimate(each.review)
    if mine is None:
        return False
    theirs = estimate(leader.review) if leader else None
    return theirs is None or (mine < theirs if minimize else mine > theirs)


def window(series: Series) -> tuple[float, float] | None:
    """(low, high) of the axis: all records and most others, without the far-off failures."""
    values = sorted(p.value for p in series.points if p.value is not None)
    if not values:
        return None
    start = series.baseline if series.baseline is not None else values[len(values) // 2]
    best = values[0] if series.minimize else values[-1]
    quarter = values[int(0.9 * (len(values) - 1))] if series.minimize else values[len(values) // 10]
    # At least from the best to the baseline, at most twice as far beyond it.
    reach = abs(start - best) or abs(best) * 0.01 or 1.0
    worst = start + reach if series.minimize else start - reach
    if series.minimize:
        top = max(start, min(quarter, worst))
        return best - 0.08 * reach, top + 0.12 * reach
    bottom = min(start, max(quarter, worst))
    return bottom - 0.12 * reach, best + 0.08 * reach
