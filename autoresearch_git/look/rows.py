"""Experiments as rows of a table, and as lines of tab-separated text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from autoresearch_git.clean import clean
from autoresearch_git.look.numbers import (
    clock,
    duration,
    estimate,
    number,
    seconds_of,
    signed,
    when,
)
from autoresearch_git.look.spark import frontier, spark
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, crop, table
from autoresearch_git.records import Experiment, Run
from autoresearch_git.review.noise import CONTENDED

TSV = (
    *("commit", "time", "verdict", "value", "delta", "n", "low", "high", "emitter", "phase"),
    *("category", "niche", "seconds", "outcome", "parent", "change"),
)


def rows(
    found: Sequence[Experiment], style: Style, *, niche: bool = False, estimated: bool = False
) -> list[str]:
    """A table of experiments, in the order in which they come.

    `estimated` shows the middle of the interval, which ranks them, instead of the mean.
    """
    title = "estimate" if estimated else "value"
    values = [number(estimate(e.review) if estimated else e.value) for e in found]
    columns = [
        Column("", [style.mark(each.verdict) for each in found], weight=9),
        Column("commit", [each.commit[:9] for each in found], weight=10),
        Column("verdict", [style.verdict(clean(each.verdict, 16)) for each in found], weight=5),
        Column(title, values, right=True, weight=10),
        Column("delta", [signed(_delta(each)) for each in found], right=True, weight=7),
        Column("n", [_n(each) for each in found], right=True, weight=4),
        Column("emitter", [_emitter(each) for each in found], weight=3),
    ]
    if niche:
        columns.insert(2, Column("niche", [_niche(each) for each in found], weight=8))
    columns.append(Column("time", [clock(when(each)) for each in found], weight=2))
    columns.append(Column("change", [change(each, 200) for each in found]))
    return table(columns, style)


def frontier_line(
    found: Sequence[Experiment],
    style: Style,
    before: float | None = None,
    title: str = "frontier",
) -> str:
    """The best so far as a sparkline, with where it began and ended; "" without values.

    It is about the class of the newest one, and ranks as all verbs do, by the middle of the
    interval; `before` is the best of those that are not shown.
    """
    klass = next((each.klass for each in reversed(found) if each.klass), "")
    mine = [each.review for each in found if each.review and each.klass == klass]
    trusted = [None if review.verdict in ("crash", "invalid") else review for review in mine]
    best = frontier([before, *map(estimate, trusted)], all(r.minimize for r in mine))
    if len(best) < 2:
        return ""
    ends = f"{number(best[0])} {'→' if style.unicode else '>'} {number(best[-1])}"
    room = max(8, min(60, style.width - len(title) - len(ends) - 2))
    return crop(f"{title} {spark(best, style, room)} {ends}", style.width)


def tsv(experiment: Experiment) -> str:
    """The row of an experiment under the columns of TSV; foreign text has no tabs or newlines."""
    review, plan = experiment.review, experiment.plan
    cells = [
        experiment.commit,
        datetime.fromtimestamp(when(experiment), timezone.utc).isoformat(timespec="seconds"),
        experiment.verdict,
        _exact(experiment.value),
        _exact(review.delta if review else None),
        str(review.n) if review else "",
        _exact(review.low if review else None),
        _exact(review.high if review else None),
        plan.emitter if plan else "",
        plan.phase if plan else "",
        review.category if review else "",
        review.niche if review else "",
        f"{seconds_of(experiment):.1f}",
        experiment.runs[-1].outcome if experiment.runs else "",
        plan.parent if plan else "",
        plan.change if plan else "",
    ]
    return "\t".join(clean(cell, 1000) for cell in cells)


def change(experiment: Experiment, limit: int = 100) -> str:
    """What was tried, in one clean line."""
    return clean(experiment.plan.change, limit) if experiment.plan else ""


def runs(experiment: Experiment, style: Style) -> list[str]:
    """The executions of an experiment, one a row."""
    found = experiment.runs
    columns = [
        Column("run", [run.run[:8] for run in found], weight=6),
        Column("seed", ["-" if r.seed is None else str(r.seed) for r in found], right=True),
        Column("outcome", [clean(run.outcome, 12) for run in found], weight=9),
        Column("value", [number(run.value) for run in found], right=True, weight=10),
        Column("class", class_names([run.klass for run in found]), weight=8),
        Column("time", [duration(run.seconds) for run in found], right=True, weight=4),
        Column("backend", [clean(run.backend, 12) for run in found], weight=2),
        Column("detail", [run_detail(run) for run in found]),
    ]
    return table(columns, style)


def class_names(classes: Sequence[str]) -> list[str]:
    """The classes as a reader tells them apart: without the contract that all share, "" if one."""
    if len(set(classes)) < 2:
        return [""] * len(classes)
    shared = len({each.partition("-")[0] for each in classes}) == 1
    return [clean(each.partition("-")[2] if shared else each, 40) for each in classes]


def run_detail(run: Run) -> str:
    """What went wrong, or why a run that went well does not count."""
    disturbed = "its device was shared" if run.checks.get(CONTENDED) else ""
    return clean(run.detail or run.signature or disturbed, 120)


def _delta(experiment: Experiment) -> float | None:
    return experiment.review.delta if experiment.review else None


def _n(experiment: Experiment) -> str:
    return str(experiment.review.n) if experiment.review else ""


def _niche(experiment: Experiment) -> str:
    return clean(experiment.review.niche, 40) if experiment.review else ""


def _emitter(experiment: Experiment) -> str:
    return clean(experiment.plan.emitter, 24) if experiment.plan else ""


def _exact(value: float | None) -> str:
    return "" if value is None else repr(value)
