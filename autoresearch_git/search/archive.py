"""The archive: which elite holds a niche, when a newcomer enters, and who becomes a parent."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from autoresearch_git.history import PROGRESS, History
from autoresearch_git.records import Experiment
from autoresearch_git.search.points import known

RATE = 0.9  # alpha of CMA-MAE; at 0.5 thresholds lag behind a fast start, and all can enter
STEEPNESS = 10.0
NEAR = 3.0  # sigmas from the incumbent within which an entry counts


def enter(
    threshold: float | None, value: float, minimize: bool, rate: float = RATE
) -> float | None:
    """The niche's next threshold if the value enters, None if it does not (Fontaine, CMA-MAE).

    The first one makes the threshold. Later it moves only part of the way to the newcomer, so
    one lucky run does not close the niche to all that come after it.
    """
    if threshold is None:
        return value
    better = value < threshold if minimize else value > threshold
    return threshold + rate * (value - threshold) if better else None


def entered(history: History) -> frozenset[str]:
    """The recent experiments that entered the archive when they came and were nearly the best.

    Filling a niche with something bad is easy and teaches a bandit nothing, so only what came
    within NEAR of the incumbent of its time counts; nor does passing a threshold by mere noise.
    """
    state: dict[str, float] = {}
    inside = set()
    for each in history.recent:
        review = each.review
        if not review or not review.niche or each.value is None or review.delta is None:
            continue
        if history.gain(0.0, review.delta) < -NEAR * history.sigma:
            continue
        before = state.get(review.niche)
        after = enter(before, each.value, history.minimize)
        if after is not None:
            state[review.niche] = after
            if before is None or history.gain(before, each.value) > PROGRESS * history.sigma:
                inside.add(each.commit)
    return frozenset(inside)


def children(history: History) -> dict[str, int]:
    """How many experiments started from each commit."""
    count: dict[str, int] = {}
    for each in known(history).values():
        if each.plan and each.plan.parent:
            count[each.plan.parent] = count.get(each.plan.parent, 0) + 1
    return count


def weights(
    costs: Sequence[float], offspring: Sequence[int], steepness: float = STEEPNESS
) -> list[float]:
    """Parent weights: sigmoid(steepness * (median - cost) / MAD) / (1 + children)."""
    if not costs:
        return []
    middle = _median(costs)
    spread = max(_median([abs(cost - middle) for cost in costs]), 1e-9)
    result = []
    for cost, count in zip(costs, offspring, strict=True):
        slope = min(max(steepness * (middle - cost) / spread, -60.0), 60.0)
        result.append(1 / (1 + math.exp(-slope)) / (1 + count))
    return result


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def candidates(history: History) -> list[Experiment]:
    """Who may be a parent: the incumbent, the best, the elites, the near misses; no crash."""
    found: dict[str, Experiment] = {}
    for each in (history.incumbent, history.best, *history.elites.values(), *history.near_misses):
        if each is not None and each.value is not None:
            found[each.commit] = each
    if not found and history.baseline is not None:
        found[history.baseline.commit] = history.baseline
    return list(found.values())


def parent(history: History, rng: random.Random) -> Experiment:
    """A parent drawn from the archive. The history must have a baseline."""
    pool = sorted(candidates(history), key=lambda each: each.commit)
    sign = 1.0 if history.minimize else -1.0
    offspring = children(history)
    chances = weights(
        [sign * (each.value or 0.0) for each in pool],
        [offspring.get(each.commit, 0) for each in pool],
    )
    return rng.choices(pool, chances)[0]


def home(history: History) -> Experiment | None:
    """Where exploitation starts: the incumbent, else the best, else the baseline."""
    return history.incumbent or history.best or history.baseline
