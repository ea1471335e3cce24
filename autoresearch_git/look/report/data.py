"""What the report's page is told: plain values, cleaned text, diffs within a budget of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from autoresearch_git.clean import ESCAPES, UNSAFE, clean
from autoresearch_git.look.effects import effects
from autoresearch_git.look.numbers import estimate, seconds_of, when
from autoresearch_git.look.report.page import embedded
from autoresearch_git.look.rows import run_detail
from autoresearch_git.look.series import Point, series, window
from autoresearch_git.look.status import Status
from autoresearch_git.memory.note import SCORES
from autoresearch_git.records import KEEPS, Experiment

# The columns of a row; the page reads them by these names.
FIELDS = (
    *("commit", "time", "verdict", "kind", "value", "low", "high", "n", "delta", "emitter"),
    *("phase", "category", "niche", "seconds", "cost", "outcome", "change", "hypothesis"),
    *("reason", "scores", "signature", "warnings", "runs", "parent", "curve", "index", "best"),
)
DIFFS = 1_400_000  # bytes of diffs in all; the notable experiments come first
LONGEST = 6_000  # of one diff
TEXTS = 2_000  # experiments beyond which curves and long texts are left out


def data(
    found: Sequence[Experiment],
    status: Status,
    elites: Mapping[str, Experiment],
    visits: Mapping[str, int],
    diffs: Mapping[str, str],
    title: str,
) -> dict[str, Any]:
    """Everything on the page, for experiments of one class, in the order of decisions."""
    drawn = series(found)
    points = {point.commit: point for point in drawn.points}
    short = len(found) > TEXTS
    start, best = status.baseline, status.best
    return {
        "title": clean(title, 100),
        "class": clean(status.klass, 100),
        "metric": drawn.metric,
        "minimize": drawn.minimize,
        "window": window(drawn),
        "baseline": start.commit if start else None,
        "best": best.commit if best else None,
        "phase": status.phase,
        "stall": status.stall,
        "fields": FIELDS,
        "scores": SCORES,
        "rows": [_row(each, points.get(each.commit), short) for each in found],
        "diffs": budgeted(found, diffs),
        "archive": [_elite(niche, each, visits) for niche, each in elites.items()],
        "effects": [
            [e.name, e.strength, e.n, e.mean, e.low, e.high, e.crashes]
            for e in effects(found)
            if e.n
        ],
        "emitters": [
            [clean(name, 40), t.tries, t.wins, t.crashes, round(t.seconds, 1)]
            for name, t in sorted(status.emitters.items(), key=lambda i: -i[1].tries)
        ],
        "warnings": [clean(text, 200) for text in status.warnings],
    }


def budgeted(found: Sequence[Experiment], diffs: Mapping[str, str]) -> dict[str, str]:
    """Cleaned diffs that fit the budget: keeps and near misses first, then the newest."""
    notable = (*KEEPS, "near-miss")
    order = sorted(
        reversed(found), key=lambda e: e.verdict not in notable
    )  # stable: the newest first within both
    kept, room = {}, DIFFS
    for each in order:
        text = plain(diffs.get(each.commit, ""))
        size = len(embedded(text).encode())
        if text and size <= room:
            kept[each.commit] = text
            room -= size
    return kept


def plain(diff: str) -> str:
    """A diff without its header and control characters, cut at LONGEST."""
    start = diff.find("\n@@")
    body = UNSAFE.sub(" ", ESCAPES.sub("", diff[start + 1 :] if start >= 0 else diff))
    return body if len(body) <= LONGEST else body[:LONGEST] + "\n... cut: see git ar show"


def _row(each: Experiment, point: Point | None, short: bool) -> list[Any]:
    review, plan = each.review, each.plan
    runs = [
        [clean(r.outcome, 12), _rounded(r.value), r.seed, round(r.seconds, 1), run_detail(r)]
        for r in each.runs
    ]
    curve = next((r.curve for r in reversed(each.runs) if r.curve), ())
    return [
        each.commit,
        round(when(each)),
        clean(each.verdict, 20),
        point.kind if point else "open",
        _rounded(each.value),
        _rounded(review.low) if review else None,
        _rounded(review.high) if review else None,
        review.n if review else len(each.runs),
        _rounded(review.delta) if review else None,
        clean(plan.emitter, 40) if plan else "",
        clean(plan.phase, 20) if plan else "",
        clean(review.category, 30) if review else "",
        clean(review.niche, 60) if review else "",
        round(seconds_of(each), 1),
        round(sum(r.cost for r in each.runs), 4),
        clean(each.runs[-1].outcome, 20) if each.runs else "",
        clean(plan.change, 160) if plan else "",
        clean(plan.hypothesis, 80 if short else 300) if plan else "",
        clean(review.reason, 120 if short else 300) if review else "",
        [round(float(getattr(review.scores, n)), 2) for n in SCORES] if review else [],
        clean(review.signature, 160) if review else "",
        [clean(text, 160) for text in review.warnings[:4]] if review else [],
        runs,
        plan.parent if plan else "",
        [] if short else [[round(x, 3), float(f"{y:.4g}")] for x, y in curve],
        point.index if point else 0,
        [_rounded(point.best), _rounded(point.low), _rounded(point.high)] if point else [],
    ]


def _elite(niche: str, each: Experiment, visits: Mapping[str, int]) -> list[Any]:
    value = _rounded(estimate(each.review))
    return [clean(niche, 60), each.commit, value, visits.get(niche, 0)]


def _rounded(value: float | None) -> float | None:
    """Seven digits: enough for any metric here, and half the bytes."""
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(f"{value:.7g}")
