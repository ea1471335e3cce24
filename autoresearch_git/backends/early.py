"""Whether a run in flight can still beat the incumbent, judged from the loss curves of past runs.

At a few shares of the budget the final values of past runs are regressed on what their curves
said at that share (level and slope of the loss), each run weighing more the more its curve
resembles this one. How badly each past run is predicted from the others gives the error, with
the heavy tails of Student's t; the chance to beat the incumbent is its tail. A run that is
stopped has no final value and teaches nothing later, so nothing is stopped on thin evidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

Curve = Sequence[tuple[float, float]]  # (share of the budget, loss), in order of the share

SHARES = (0.20, 0.35, 0.50)
CHANCE = 0.02  # stop below this probability of beating the incumbent
FEWEST = 16  # finished runs with a curve
STEADY = 6.0  # degrees of freedom at most: surprises come more often than normal errors do
WIDTH, FLOOR = 2.0, 0.02  # of the weight, in robust standard deviations; and what all runs keep
RIDGE = 1e-3
SNAP = 0.02  # of the budget: how far a point of a curve may be from the share
Z95 = 1.96


@dataclass(frozen=True)
class Past:
    """A finished run: its curve and its final value, in the metric's unit."""

    curve: Curve
    value: float


@dataclass(frozen=True)
class Forecast:
    """What the curve so far says of the final value."""

    share: float  # of the budget, at which it was made
    chance: float  # that the final value beats the incumbent's
    predicted: float
    low: float  # 95% interval of the final value
    high: float
    runs: int  # that it was learned from

    @property
    def hopeless(self) -> bool:
        """Whether the run should be stopped."""
        return self.chance < CHANCE


def forecast(
    curve: Curve, share: float, past: Sequence[Past], best: float, minimize: bool = True
) -> Forecast | None:
    """The forecast at a share of the budget; None when too little is known to say anything."""
    now = features(curve, share)
    if now is None:
        return None
    known = [(f, p.value) for p in past if (f := features(p.curve, share)) is not None]
    if len(known) < FEWEST:
        return None
    return _regress(now, known, share, best, minimize)


def features(curve: Curve, share: float) -> tuple[float, ...] | None:
    """(1, level, slope) of the loss over the logarithm of the share; None if it is not reached.

    By a line through the last three quarters of the curve so far, since single losses are noisy.
    """
    points = [(s, loss) for s, loss in curve if share / 4 <= s <= share + SNAP]
    if len(points) < 3 or points[-1][0] < share - 2 * SNAP:
        return None
    if not all(math.isfinite(loss) for _, loss in points):
        return None
    x = [math.log(s / share) for s, _ in points]
    weight = [s for s, _ in points]  # later losses say more
    total = sum(weight)
    mean_x = sum(w * a for w, a in zip(weight, x, strict=True)) / total
    mean_y = sum(w * loss for w, (_, loss) in zip(weight, points, strict=True)) / total
    slope = sum(
        w * (a - mean_x) * (loss - mean_y)
        for w, a, (_, loss) in zip(weight, x, points, strict=True)
    ) / sum(w * (a - mean_x) ** 2 for w, a in zip(weight, x, strict=True))
    return 1.0, mean_y - slope * mean_x, slope


def _regress(
    now: tuple[float, ...],
    known: list[tuple[tuple[float, ...], float]],
    share: float,
    best: float,
    minimize: bool,
) -> Forecast:
    """Weighted least squares, with errors that each run's prediction from all others had."""
    import numpy as np

    x, y = np.array([f for f, _ in known]), np.array([v for _, v in known])  # (n, k), (n,)
    centre, scale = np.median(x, 0), _spread(x)
    scale[0], centre[0] = 1.0, 0.0
    usual = float(np.median(y))  # the ridge pulls towards zero: zero must be in the middle
    y = y - usual
    x, at = (x - centre) / scale, (np.array(now) - centre) / scale
    weight = np.exp(-0.5 * ((x - at) ** 2).sum(1) / WIDTH**2) + FLOOR
    inverse = np.linalg.inv(x.T @ (weight[:, None] * x) + RIDGE * np.eye(x.shape[1]))
    solved = inverse @ (x.T @ (weight * y))
    leverage = np.clip(weight * ((x @ inverse) * x).sum(1), 0.0, 0.95)
    missed = (y - x @ solved) / (1.0 - leverage)  # each run predicted without itself
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    error = math.sqrt(float((weight * missed**2).sum() / weight.sum()))
    sd = max(error, 1e-12) * math.sqrt(1.0 + float(at @ inverse @ at) * float(weight.mean()))
    predicted, freedom = usual + float(at @ solved), min(STEADY, max(2.0, effective - x.shape[1]))
    gap = (predicted - best) if minimize else (best - predicted)
    chance = NormalDist().cdf(-_normal(gap / sd, freedom))
    reach = Z95 * sd * (1.0 + 1.2 / freedom)
    return Forecast(share, chance, predicted, predicted - reach, predicted + reach, len(known))


def _normal(t: float, freedom: float) -> float:
    """The standard normal value with (nearly) the same tail as Student's t."""
    return t * (1 - 1 / (4 * freedom)) / math.sqrt(1 + t * t / (2 * freedom))


def _spread(x: NDArray[Any]) -> NDArray[Any]:
    """A robust scale of each column, never zero."""
    import numpy as np

    low, high = np.percentile(x, (25, 75), axis=0)
    scale: NDArray[Any] = (high - low) / 1.35
    return np.where(scale > 0, scale, np.maximum(x.std(0), 1e-9))


class Watch:
    """Looks at one run's updates and says, at each share once, whether it should be stopped."""

    def __init__(self, past: Sequence[Past], best: float, minimize: bool = True) -> None:
        self.past, self.best, self.minimize = past, best, minimize
        self.curve: list[tuple[float, float]] = []
        self.due = list(SHARES)
        self.last: Forecast | None = None

    def see(self, share: float | None, loss: float | None) -> Forecast | None:
        """Take one update; the forecast if the run is hopeless, else None."""
        if share is None or loss is None or (self.curve and share <= self.curve[-1][0]):
            return None
        self.curve.append((share, loss))
        if not self.due or share < self.due[0]:
            return None
        at = self.due.pop(0)
        found = forecast(self.curve, at, self.past, self.best, self.minimize)
        self.last = found or self.last
        return found if found and found.hopeless else None
