"""The few formulas of the normal distribution that the review needs, without numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z95 = 1.959964  # half width of a 95% interval in standard deviations


def pdf(x: float, mean: float, variance: float) -> float:
    return math.exp(-0.5 * (x - mean) ** 2 / variance) / math.sqrt(2 * math.pi * variance)


def cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def expected_excess(mean: float, sd: float) -> float:
    """E[max(0, X)] of X ~ N(mean, sd**2)."""
    if sd <= 0:
        return max(0.0, mean)
    z = mean / sd
    return mean * cdf(z) + sd * math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


class Mixture:
    """A mixture of normals: weights, means and variances of its parts."""

    def __init__(self, parts: Sequence[tuple[float, float, float]]) -> None:
        total = sum(weight for weight, _, _ in parts)
        self.parts = tuple((weight / total, mean, var) for weight, mean, var in parts)

    @property
    def mean(self) -> float:
        return sum(weight * mean for weight, mean, _ in self.parts)

    @property
    def variance(self) -> float:
        middle = self.mean
        return sum(weight * (var + (mean - middle) ** 2) for weight, mean, var in self.parts)

    def above(self, x: float) -> float:
        """P(X > x)."""
        sure = sum(
            weight * (cdf((mean - x) / math.sqrt(var)) if var > 0 else float(mean > x))
            for weight, mean, var in self.parts
        )
        return min(1.0, sure)  # weights are rounded, so that their sum may be above 1

    def excess(self) -> float:
        """E[max(0, X)]."""
        return sum(w * expected_excess(mean, math.sqrt(var)) for w, mean, var in self.parts)
