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
from autoresearch_git.review.noise import Noise

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
USED = 100  # experiments; older ones say little about what the next change will do
BIN = 0.25  # sigmas; observations closer together are fitted as one

GRID = tuple(step / 3 for step in range(-10, 11))  # in standard deviations
NEAR = 8.0  # sigmas

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
    if review is None or review.verdict == "invalid" or review.n < 1:
        return None
    if review.value is None or review.best is None:
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


def believed(
    experiment: Experiment, history: History, prior: Prior, noise: Noise, without: str = ""
) -> tuple[float, float] | None:
    """(mean, variance) of an experiment's true value, raw sign, from its review and its children.

    An incumbent that was lucky is hard to beat and so stays for long: children that read worse
    than their effects should be are the evidence of it. `without` names a child to leave out.
    """
    own, sigma = _own(experiment, noise), noise.sigma
    if own is None or own[1] <= 0:
        return own
    sign = -1.0 if history.minimize else 1.0
    children = [
        (sign * (child.review.value - own[0]) / sigma, 1 / child.review.n)
        for child in history.recent
        if child.plan
        and child.plan.parent == experiment.commit
        and child.commit != without
        and child.review
        and child.review.n > 0
        and child.review.verdict != "invalid"
        and child.review.value is not None
    ]
    shift, variance = _shift(children, own[1] / sigma**2, prior)
    return own[0] + sign * shift * sigma, variance * sigma**2


def _shift(
    children: Sequence[tuple[float, float]], variance: float, prior: Prior
) -> tuple[float, float]:
    """Posterior (mean, variance) of N(0, variance) given children at (distance, variance)."""
    bins: dict[tuple[int, int], int] = {}
    for distance, own in children:
        if abs(distance) < NEAR:  # others say nothing about so small a shift
            key = (round(distance / BIN), max(1, round(own / BIN)))
            bins[key] = bins.get(key, 0) + 1
    if not bins:
        return 0.0, variance
    sd = math.sqrt(variance)
    logs = []
    for point in GRID:
        like = -0.5 * point * point
        for (distance, own), count in bins.items():
            x = distance * BIN - point * sd
            near = sum(w * pdf(x, mean, var + own * BIN) for w, mean, var in prior)
            like += count * math.log(near + 1e-300)
        logs.append(like)
    top = max(logs)
    weights = [math.exp(like - top) for like in logs]
    whole = sum(weights)
    mean = sum(w * point for w, point in zip(weights, GRID, strict=True)) / whole
    square = sum(w * (point - mean) ** 2 for w, point in zip(weights, GRID, strict=True)) / whole
    return mean * sd, square * variance


def _own(experiment: Experiment, noise: Noise) -> tuple[float, float] | None:
    """(mean, variance) as the experiment's last review left it, without the interval's excess."""
    review = experiment.review
    if review is not None and review.low is not None and review.high is not None:
        sd = (review.high - review.low) / (2 * Z95)
        return (review.low + review.high) / 2, sd**2 / noise.doubt
    if experiment.value is None or not math.isfinite(experiment.value):
        return None
    return experiment.value, noise.sigma**2
