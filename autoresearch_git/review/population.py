"""What changes do to the metric, learned from past experiments: the prior of the next one.

Effects (positive = better, in sigmas of one run) follow a mixture of normals with fixed means and
widths; only the weights are fitted, by EM with pseudo-counts (the adaptive shrinkage of
Stephens 2017, doi:10.1093/biostatistics/kxw041, with components for harm added).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoresearch_git.history import History
from autoresearch_git.records import Experiment
from autoresearch_git.review.gaussian import Z95, Mixture, pdf

# (pseudo-count, mean, sd) in sigmas: most changes do little or harm, few help, and those a lot.
SHAPE = (
    (3.0, 0.0, 0.3),
    (2.0, 0.0, 1.0),
    (1.0, 0.0, 3.0),
    (0.5, 0.0, 10.0),
    (0.1, 0.0, 40.0),
    (1.5, -3.0, 2.0),
    (1.5, -8.0, 5.0),
    (1.0, -30.0, 20.0),
    (0.5, -150.0, 100.0),
)
ROUNDS = 12
USED = 300  # experiments; older ones say little about what the next change will do
BIN = 0.25  # sigmas; observations closer together are fitted as one

Prior = tuple[tuple[float, float, float], ...]  # (weight, mean, variance), in sigmas


def fit(observed: Sequence[tuple[float, float]]) -> Prior:
    """Weights from (effect, variance) pairs, both in sigmas of one run."""
    bins: dict[tuple[int, int], int] = {}
    for effect, variance in observed[-USED:]:
        bounded = max(-400.0, min(400.0, effect))
        key = (round(bounded / BIN), max(1, round(variance / BIN)))
        bins[key] = bins.get(key, 0) + 1
    like = [[pdf(x * BIN, mean, sd * sd + v * BIN) for _, mean, sd in SHAPE] for x, v in bins]
    counts = list(bins.values())
    start = sum(count for count, _, _ in SHAPE)
    weights = [count / start for count, _, _ in SHAPE]
    for _ in range(ROUNDS if counts else 0):
        totals = [count for count, _, _ in SHAPE]
        for row, count in zip(like, counts, strict=True):
            parts = [weight * value for weight, value in zip(weights, row, strict=True)]
            whole = sum(parts)
            if whole > 0:
                totals = [t + count * p / whole for t, p in zip(totals, parts, strict=True)]
        whole = sum(totals)
        weights = [total / whole for total in totals]
    return tuple((w, mean, sd * sd) for w, (_, mean, sd) in zip(weights, SHAPE, strict=True))


def learn(history: History, sigma: float, without: str = "") -> Prior:
    """The prior from a history's reviewed experiments, the one named `without` left out."""
    return fit(
        [
            pair
            for experiment in history.recent
            if experiment.commit != without and (pair := _observed(experiment, history, sigma))
        ]
    )


def _observed(experiment: Experiment, history: History, sigma: float) -> tuple[float, float] | None:
    review = experiment.review
    if review is None or review.value is None or review.best is None or review.n < 1:
        return None
    effect = history.gain(review.best, review.value) / sigma
    own = (review.sigma or sigma) / sigma
    return effect, own**2 * (1 / review.n + 0.3)  # the incumbent's own doubt adds a little


def posterior(
    value: float, variance: float, middle: float, doubt: float, prior: Prior, sigma: float
) -> tuple[Mixture, Mixture]:
    """(true value, true gain) of an experiment; both in the metric's unit, larger is better.

    `value` is the mean of its runs with `variance`; the incumbent is N(middle, doubt). The gain's
    prior is `prior` times sigma. Exact: normal algebra within each component.
    """
    values, gains = [], []
    for weight, mean, var in prior:
        m, v = mean * sigma, var * sigma**2
        total = v + doubt + variance
        surprise = value - middle - m
        likelihood = weight * pdf(surprise, 0.0, total)
        values.append(
            (likelihood, value - surprise * variance / total, (v + doubt) * variance / total)
        )
        gains.append((likelihood, m + surprise * v / total, v * (doubt + variance) / total))
    if sum(part[0] for part in values) <= 0:  # beyond all components: the data speak alone
        return Mixture([(1.0, value, variance)]), Mixture([(1.0, value - middle, variance + doubt)])
    return Mixture(values), Mixture(gains)


def believed(experiment: Experiment, sigma: float) -> tuple[float, float] | None:
    """(mean, variance) of an experiment's true value as its last review left it."""
    review = experiment.review
    if review is not None and review.low is not None and review.high is not None:
        return (review.low + review.high) / 2, ((review.high - review.low) / (2 * Z95)) ** 2
    if experiment.value is None or not math.isfinite(experiment.value):
        return None
    return experiment.value, sigma**2
