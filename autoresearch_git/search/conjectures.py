"""Conjectures: short working theories of what helps, each with its effect, doubt and evidence.

A ridge regression splits the results of experiments that turned several knobs at once; an effect
is the gain when a knob crosses its whole range in the direction that the statement names, among
the good settings. What was seen on the way is no controlled trial: knobs moved together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoresearch_git.history import History
from autoresearch_git.search import model as models
from autoresearch_git.search.knobs import Knob
from autoresearch_git.search.points import Point
from autoresearch_git.search.ranges import Range

if TYPE_CHECKING:
    from autoresearch_git.search.gp import Array

FEWEST = 5  # results before anything is concluded
MOST = 200  # of the best results: bad regions have other rules
EVIDENCE = 5  # commits named


@dataclass(frozen=True)
class Conjecture:
    """`effect` is in the metric's unit, positive for better; `deviation` is its standard error."""

    subject: str  # a knob, a structural move or a category
    statement: str
    effect: float
    deviation: float
    evidence: tuple[str, ...]  # commits, the newest last

    @property
    def strength(self) -> float:
        """Distance from no effect, in standard errors."""
        return abs(self.effect) / max(self.deviation, 1e-12)


def of_knobs(
    history: History, known: Sequence[Point], knobs: Sequence[Knob]
) -> tuple[Conjecture, ...]:
    """One conjecture for each knob or move that was varied, the best founded first."""
    import numpy as np

    sign = 1.0 if history.minimize else -1.0
    done = [point for point in known if point.result is not None]
    done = sorted(done, key=lambda point: sign * (point.result or 0.0))[:MOST]
    if len(done) < FEWEST:
        return ()
    names, ranges = models.axes(known, knobs)
    ordered = [i for i, limits in enumerate(ranges) if limits.kind != "choice" or _binary(limits)]
    x = models.matrix(done, [names[i] for i in ordered], [ranges[i] for i in ordered])
    varied = np.ptp(x, axis=0) > 1e-9
    y = models.tame(np.array([sign * (p.result or 0.0) for p in done]), history.sigma)
    if not varied.any():
        return ()
    effects, errors = _ridge(x[:, varied], y)
    kept = [i for i, v in zip(ordered, varied, strict=True) if v]
    columns = x[:, varied]
    found = [
        _conjecture(names[i], ranges[i], -float(e), float(s), _evidence(done, columns[:, k]))
        for k, (i, e, s) in enumerate(zip(kept, effects, errors, strict=True))
    ]
    return tuple(sorted(found, key=lambda each: -each.strength))


def _binary(limits: Range) -> bool:
    return len(limits.choices) == 2


def _ridge(x: Array, y: Array) -> tuple[Array, Array]:
    """Slopes and their standard errors, shrunk towards none."""
    import numpy as np

    centred, target = x - x.mean(axis=0), y - y.mean()
    spread = float(np.std(target)) or 1e-12
    precision = np.eye(x.shape[1])  # a slope as large as the spread of all results is likely
    noise = spread**2
    for _ in range(5):
        covariance = np.linalg.inv(centred.T @ centred / noise + precision / spread**2)
        slopes = covariance @ (centred.T @ target) / noise
        left = target - centred @ slopes
        noise = max(float(left @ left) / max(len(y) - x.shape[1] / 2, 1.0), 1e-18)
    return slopes, np.sqrt(np.diag(covariance))


def _evidence(done: Sequence[Point], column: Array) -> tuple[str, ...]:
    """The results that stand farthest from the usual value of the knob."""
    import numpy as np

    away = np.abs(column - np.median(column))
    chosen = [int(i) for i in np.argsort(-away)[:EVIDENCE] if away[i] > 1e-9]
    return tuple(done[i].commit for i in chosen)


def _conjecture(
    name: str, limits: Range, gain: float, error: float, evidence: tuple[str, ...]
) -> Conjecture:
    if name.startswith("move:"):
        what = f"{name.removeprefix('move:')} {'helps' if gain > 0 else 'hurts'}"
    else:
        higher = gain > 0
        what = f"{'higher' if higher else 'lower'} {name} helps"
        if limits.choices:  # their order means nothing
            what = f"{name} = {limits.choices[higher]} helps"
        gain = abs(gain)
    return Conjecture(name, what, gain, error, evidence)
