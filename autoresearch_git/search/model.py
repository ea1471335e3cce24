"""What the history says about the knobs: the value and the crash risk of any setting."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoresearch_git.search import gp, logistic, space
from autoresearch_git.search.knobs import Knob
from autoresearch_git.search.points import Point
from autoresearch_git.search.ranges import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

MOST = 300  # points in a fit: the best, the newest; keeps a proposal under its time
MOVE = Range("choice", choices=(False, True))  # of a structural move: applied or not


@dataclass(frozen=True)
class Model:
    """Predictions in units of cost: lower is better whatever the metric's direction."""

    names: tuple[str, ...]
    ranges: tuple[Range, ...]
    process: gp.Process
    risk: logistic.Classifier
    best: float  # lowest predicted cost among the settings that were tried
    centre: Point  # the setting that has it

    def encode(self, values: Mapping[str, str]) -> list[float]:
        return [
            _unit(values, name, limits)
            for name, limits in zip(self.names, self.ranges, strict=True)
        ]

    def risk_of(self, values: Mapping[str, str]) -> float:
        """The probability that this setting crashes."""
        import numpy as np

        return float(self.risk.predict(np.array([self.encode(values)]))[0])


def _unit(values: Mapping[str, str], name: str, limits: Range) -> float:
    value = space.parse(values[name]) if name in values else None
    if value is None:
        return 0.0 if limits is MOVE else 0.5
    return space.to_unit(limits, value)


def build(
    known: Sequence[Point], knobs: Sequence[Knob], minimize: bool, sigma: float
) -> Model | None:
    """The model of the points over the active knobs; None before there are two results."""
    import numpy as np

    done = [point for point in known if point.result is not None]
    if len(done) < 2:
        return None
    names, ranges = axes(known, knobs)
    sign = 1.0 if minimize else -1.0
    done = _subset(done, sign)
    x = matrix(done, names, ranges)
    y = np.array([sign * p.result for p in done if p.result is not None])
    noise = np.array([sigma**2 / p.n for p in done])
    kinds = np.array([r.kind == "choice" for r in ranges])
    cost = tame(y, sigma)
    process = gp.fit(x, cost, noise, kinds)
    fitted = process.predict(x)[0]
    chosen = int(np.argmin(fitted))
    waiting = [point for point in known if point.pending]
    if waiting:
        process = gp.extend(process, x, cost, noise, matrix(waiting, names, ranges))
    failed = [point for point in known if point.crashed][-MOST // 2 :]
    labels = np.append(np.zeros(len(x)), np.ones(len(failed)))
    every = np.vstack([x, matrix(failed, names, ranges)]) if failed else x
    risk = logistic.fit(every, labels)
    return Model(tuple(names), tuple(ranges), process, risk, float(fitted[chosen]), done[chosen])


def axes(known: Sequence[Point], knobs: Sequence[Knob]) -> tuple[list[str], list[Range]]:
    """The dimensions: the active knobs, then every structural move that was ever made."""
    every: set[str] = set().union(*(point.values for point in known))
    moves = sorted(name for name in every if name.startswith("move:"))
    names = [knob.name for knob in knobs if knob.active] + moves
    return names, [knob.range for knob in knobs if knob.active] + [MOVE] * len(moves)


def matrix(points: Sequence[Point], names: Sequence[str], ranges: Sequence[Range]) -> Array:
    """The points as rows of unit coordinates, (n, d)."""
    import numpy as np

    columns = []
    for name, limits in zip(names, ranges, strict=True):
        units: dict[str | None, float] = {}  # most points share a value
        for point in points:
            text = point.values.get(name)
            if text not in units:
                units[text] = _unit(point.values, name, limits)
        columns.append([units[point.values.get(name)] for point in points])
    return np.array(columns).T


def _subset(done: list[Point], sign: float) -> list[Point]:
    if len(done) <= MOST:
        return done
    newest = done[-MOST // 2 :]
    rest = sorted(done[: -MOST // 2], key=lambda p: sign * (p.result or 0.0))
    return rest[: MOST // 2] + newest


def tame(y: Array, sigma: float) -> Array:
    """Costs with the bad tail compressed: how bad a failure is must not shape the good region."""
    import numpy as np

    best = float(y.min())
    unit = max(float(np.quantile(y, 0.5)) - best, 10 * sigma, 1e-9)
    far = (y - best) / unit
    return np.asarray(best + unit * np.where(far > 1, 1 + np.log(np.maximum(far, 1.0)), far))


def improvement(mean: Array, deviation: Array, best: float) -> Array:
    """Expected improvement below `best`, in the metric's unit."""
    import numpy as np

    z = (best - mean) / deviation
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return np.asarray(deviation * (z * _normal(z) + density))


def _normal(z: Array) -> Array:
    """The normal distribution function, to 1e-7 (Abramowitz and Stegun 26.2.17)."""
    import numpy as np

    t = 1 / (1 + 0.2316419 * np.abs(z))
    poly = (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)
    tail = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    tail = tail * sum(c * t ** (k + 1) for k, c in enumerate(poly))
    return np.asarray(np.where(z > 0, 1 - tail, tail))
