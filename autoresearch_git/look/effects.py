"""What changes of one kind did to the metric: an effect with its uncertainty and its evidence.

The gain of an experiment is how much better it is than its parent (than the incumbent where the
parent has no value), in the metric's unit, positive for better. An experiment that turned
several knobs counts for each of them, with its weight divided by their number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autoresearch_git.clean import clean
from autoresearch_git.records import Edit, Experiment

_Z95 = 1.959964
STRONG, WEAK = 2.6, 1.96  # how many standard errors from zero
_FEWEST = 2.0  # total weight below which an effect is only a hint


@dataclass(frozen=True)
class Effect:
    """The mean gain of one kind of change, with a 95% interval."""

    what: str  # knob, category or emitter
    name: str
    weight: float  # experiments, those with several knobs counted in part
    n: int
    mean: float
    low: float
    high: float
    crashes: int
    evidence: tuple[str, ...]  # commits, the newest last
    gains: tuple[float, ...] = ()

    @property
    def strength(self) -> str:
        """strong, weak, or open: how far zero is from the mean."""
        half = (self.high - self.low) / 2
        if not half or self.weight < _FEWEST:
            return "open"
        distance = abs(self.mean) / (half / _Z95)
        return "strong" if distance >= STRONG else "weak" if distance >= WEAK else "open"

    @property
    def statement(self) -> str:
        """The conjecture in words."""
        if self.strength == "open":
            return f"{self.name}: nothing proven"
        return f"{self.name} {'helps' if self.mean > 0 else 'hurts'}"


def effects(experiments: Iterable[Experiment], what: str = "knob") -> list[Effect]:
    """The effects of each knob and direction, each category, or each emitter; best first."""
    found = list(experiments)
    values = {each.commit: each.value for each in found if each.value is not None}
    values |= {e.decision.new: e.value for e in found if e.decision and e.decision.new and e.value}
    gains: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    crashes: defaultdict[str, int] = defaultdict(int)
    evidence: defaultdict[str, list[str]] = defaultdict(list)
    sigmas = [each.review.sigma for each in found if each.review and each.review.sigma]
    for each in found:
        names = _names(each, what)
        gain = _gain(each, values)
        for name in names:
            if gain is not None:
                gains[name].append((gain, 1 / len(names)))
            elif each.verdict == "crash":
                crashes[name] += 1
            else:
                continue
            evidence[name].append(each.commit)
    sigma = sorted(sigmas)[len(sigmas) // 2] if sigmas else 0.0
    result = [
        _effect(what, name, gains[name], crashes[name], tuple(evidence[name]), sigma)
        for name in evidence
    ]
    return sorted(result, key=lambda e: (-e.mean if e.n else math.inf, e.name))


def _effect(
    what: str,
    name: str,
    gains: list[tuple[float, float]],
    crashes: int,
    evidence: tuple[str, ...],
    sigma: float,
) -> Effect:
    weight = sum(w for _, w in gains)
    mean = sum(g * w for g, w in gains) / weight if weight else 0.0
    # The noise of a difference is known even when there is one only, or all happen to agree.
    spread = sum(w * (g - mean) ** 2 for g, w in gains)
    freedom = max(weight - 1, 0.0)
    variance = (spread + 2 * sigma**2) / (freedom + 1)
    half = _Z95 * math.sqrt(max(variance, 2 * sigma**2) / weight) if weight else 0.0
    return Effect(
        what,
        name,
        weight,
        len(gains),
        mean,
        mean - half,
        mean + half,
        crashes,
        evidence,
        tuple(g for g, _ in gains),
    )


def _names(each: Experiment, what: str) -> list[str]:
    if what == "emitter":
        return [clean(each.plan.emitter, 40)] if each.plan else []
    if what == "category":
        category = each.review.category if each.review else ""
        return [clean(category, 40)] if category else []
    edits = each.review.edits if each.review and each.review.edits else ()
    edits = edits or (each.plan.edits if each.plan else ())
    return sorted({_direction(edit) for edit in edits})


def _direction(edit: Edit) -> str:
    """The knob, and whether it went up, down or to another choice."""
    name = clean(edit.name, 40)
    try:
        old, new = float(edit.old), float(edit.new)
    except ValueError:
        return f"{name} = {clean(edit.new, 24)}" if edit.new else f"{name} removed"
    return f"{name} {'up' if new > old else 'down'}"


def _gain(each: Experiment, values: Mapping[str, float | None]) -> float | None:
    review = each.review
    if review is None or each.value is None or each.plan is None or not each.plan.parent:
        return None
    sign = -1 if review.minimize else 1
    start = values.get(each.plan.parent)
    if start is not None:
        return sign * (each.value - start)
    return sign * review.delta if review.delta is not None else None
