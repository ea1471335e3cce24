"""A Gaussian process on unit coordinates, in numpy: mean and deviation of the metric anywhere.

Matern 5/2 with one length scale a dimension, fitted by Rprop on the log posterior. The prior of
the length scales grows with the square root of the dimension, so that many unexplored knobs do
not make everything look unrelated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

FIT_POINTS = 128  # hyperparameters are fitted on at most this many points
STEPS = 30
TYPICAL = 0.6  # median length scale a priori, over the root of the dimension
WIDTH = 1.0  # deviation of its logarithm
_SQRT5 = math.sqrt(5)


@dataclass(frozen=True)
class Process:
    """A fitted process; `mean` and `scale` are of the original values."""

    x: Array  # (n, d)
    kinds: Array  # (d,) True where coordinates are categories: equal or not
    lengths: Array  # (d,)
    weights: Array  # (n,)
    mean: float
    scale: float
    inverse: Array  # (n, n) of the Cholesky factor of the correlation with noise

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at x (m, d), without the noise of a run."""
        import numpy as np

        across = correlation(x, self.x, self.kinds, self.lengths)
        mean = self.mean + self.scale * (across @ self.weights)
        half = self.inverse @ across.T
        variance = np.maximum(1 - (half * half).sum(axis=0), 1e-9)
        return mean, self.scale * np.sqrt(variance)


def fit(
    x: Array,
    y: Array,
    noise: Array,
    kinds: Array,
    some: Array | None = None,
    steps: int = STEPS,
) -> Process:
    """The process through y (n,) at x (n, d); noise (n,) is each value's known variance.

    `some` are the indices that the hyperparameters are fitted on: else the best and the newest.
    """
    import numpy as np

    mean = float(np.median(y))
    spread = max(float(np.sqrt(np.mean((y - mean) ** 2))), 1e-12)
    z, jitter = (y - mean) / spread, noise / spread**2 + 1e-6
    if some is None:
        chosen = np.argsort(z)[: FIT_POINTS // 2]
        others = np.setdiff1d(np.arange(len(z))[-FIT_POINTS // 2 :], chosen)
        some = np.concatenate([chosen, others])
    theta = _maximize(x[some], z[some], jitter[some], kinds, steps)
    lengths, signal = np.exp(theta[:-1]), float(np.exp(theta[-1]))
    return _condition(x, y, noise, kinds, lengths, mean, spread * math.sqrt(signal))


def extend(process: Process, x: Array, y: Array, noise: Array, extra: Array) -> Process:
    """The process with its own predictions at `extra` (m, d) taken for results (constant liar).

    x, y and noise are what the process was fitted on.
    """
    import numpy as np

    lies = process.predict(extra)[0]
    return _condition(
        np.vstack([x, extra]),
        np.append(y, lies),
        np.append(noise, np.full(len(extra), float(np.median(noise)))),
        process.kinds,
        process.lengths,
        process.mean,
        process.scale,
    )


def _condition(
    x: Array, y: Array, noise: Array, kinds: Array, lengths: Array, mean: float, scale: float
) -> Process:
    import numpy as np

    jitter = noise / scale**2 + 1e-6
    factor = np.linalg.cholesky(correlation(x, x, kinds, lengths) + np.diag(jitter))
    inverse = np.linalg.inv(factor)
    weights = inverse.T @ (inverse @ ((y - mean) / scale))
    return Process(x, kinds, lengths, weights, mean, scale, inverse)


def _squares(a: Array, b: Array, kinds: Array) -> Array:
    """Squared differences a dimension, (d, n, m); 1 for two different categories."""
    import numpy as np

    difference = a.T[:, :, None] - b.T[:, None, :]
    squared: Array = difference * difference
    squared[kinds] = np.where(squared[kinds] > 1e-9, 1.0, 0.0)
    return squared


def correlation(a: Array, b: Array, kinds: Array, lengths: Array) -> Array:
    import numpy as np

    one, two = a / lengths, b / lengths
    plain = ~kinds
    p, q = one[:, plain], two[:, plain]
    r2 = (p * p).sum(1)[:, None] + (q * q).sum(1)[None, :] - 2 * p @ q.T
    for k in np.flatnonzero(kinds):
        r2 = r2 + (np.abs(a[:, k][:, None] - b[:, k][None, :]) > 1e-6) / lengths[k] ** 2
    r = np.sqrt(np.maximum(r2, 0.0))
    result: Array = (1 + _SQRT5 * r + 5 / 3 * r * r) * np.exp(-_SQRT5 * r)
    return result


def _maximize(x: Array, z: Array, jitter: Array, kinds: Array, steps: int) -> Array:
    """Log length scales and log signal variance of the highest posterior, (d + 1,)."""
    import numpy as np

    d = x.shape[1]
    squares = _squares(x, x, kinds)
    middle = np.append(np.full(d, math.log(TYPICAL * math.sqrt(d))), 0.0)
    width = np.append(np.full(d, WIDTH), 1.0)
    theta, rate, last = middle.copy(), np.full(d + 1, 0.15), np.zeros(d + 1)
    for _ in range(steps):
        slope = _slope(theta, squares, z, jitter) - (theta - middle) / width**2
        same = np.sign(slope * last)
        rate = np.clip(rate * np.where(same > 0, 1.3, np.where(same < 0, 0.5, 1.0)), 1e-3, 0.5)
        last = np.where(same < 0, 0.0, slope)
        theta = np.clip(theta + rate * np.sign(last), math.log(0.03), math.log(50))
    return theta


def _slope(theta: Array, squares: Array, z: Array, jitter: Array) -> Array:
    """Gradient of the log likelihood."""
    import numpy as np

    inverse = np.exp(-2 * theta[:-1])
    signal = math.exp(theta[-1])
    r = np.sqrt(np.tensordot(inverse, squares, axes=1))
    decay = np.exp(-_SQRT5 * r)
    k = signal * (1 + _SQRT5 * r + 5 / 3 * r * r) * decay
    solved = np.linalg.inv(k + np.diag(jitter))
    alpha = solved @ z
    outer = np.outer(alpha, alpha) - solved
    common = outer * (signal * (5 / 3) * (1 + _SQRT5 * r) * decay)
    lengths = 0.5 * np.tensordot(squares, common, axes=([1, 2], [0, 1])) * inverse
    return np.append(lengths, 0.5 * (outer * k).sum())
