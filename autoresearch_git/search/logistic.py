"""The risk of a crash: logistic regression on unit coordinates, with a prior against big claims.

Most crashes of a training run are thresholds of a product (rows x depth x width), which is a
plane on logarithmic axes; a few crashes are enough to find it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SPREAD = 4.0  # prior deviation of a weight: risk over the whole range, in logits
BIAS = -3.0  # logit of a crash where nothing is known: 5%
STEPS = 15


@dataclass(frozen=True)
class Classifier:
    """Weights (2 d,) of slopes and curves about the middle of the range, and the logit there."""

    weights: Array
    bias: float

    def predict(self, x: Array) -> Array:
        """Probability of a crash at x (m, d)."""
        import numpy as np

        return np.asarray(1 / (1 + np.exp(-self._logit(x))))

    def _logit(self, x: Array) -> Array:
        import numpy as np

        return np.asarray(np.clip(_terms(x) @ self.weights + self.bias, -30, 30))


def _terms(x: Array) -> Array:
    """A slope and a curve for each coordinate: a knob may be dangerous at both ends."""
    import numpy as np

    return np.hstack([x - 0.5, 4 * (x - 0.5) ** 2])


def fit(x: Array, crashed: Array, spread: float = SPREAD) -> Classifier:
    """The most probable classifier of x (n, d) with labels 0 or 1, by Newton's method."""
    import numpy as np

    design = np.column_stack([_terms(x), np.ones(len(x))])
    d = design.shape[1]
    middle = np.append(np.zeros(d - 1), BIAS)
    precision = np.append(np.full(d - 1, spread**-2), 0.25)
    theta = middle.copy()
    if not crashed.any():
        return Classifier(theta[:-1], float(theta[-1]))

    def cost(theta: Array) -> float:
        logit = design @ theta
        loss = np.logaddexp(0, logit) - crashed * logit
        return float(loss.sum() + 0.5 * (precision * (theta - middle) ** 2).sum())

    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -30, 30)))
        slope = design.T @ (crashed - p) - precision * (theta - middle)
        curvature = (design.T * (p * (1 - p))) @ design + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        now = cost(theta)
        while cost(theta + step) > now and np.abs(step).max() > 1e-4:
            step = step / 2
        theta = theta + step
    return Classifier(theta[:-1], float(theta[-1]))
