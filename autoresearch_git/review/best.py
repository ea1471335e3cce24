"""The best experiment as it should be reported: corrected for the winner's curse, with its n."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoresearch_git.history import History
from autoresearch_git.records import Experiment
from autoresearch_git.review import noise
from autoresearch_git.review.gaussian import Z95
from autoresearch_git.review.population import believed, learn


@dataclass(frozen=True)
class Best:
    """An experiment's true value as estimated, with a 95% interval; raw sign of the metric."""

    commit: str
    value: float  # posterior mean, not the lucky measurement
    low: float
    high: float
    n: int  # runs behind it
    measured: float  # the mean of its runs
    confirmed: bool


def best(history: History) -> Best | None:
    """The incumbent's estimate; without an incumbent, the best estimate of all reviewed ones."""
    if history.incumbent is not None:
        return estimated(history.incumbent, history)
    found = [known for e in history.recent if (known := estimated(e, history))]
    sign = 1 if history.minimize else -1
    return min(found, key=lambda b: (sign * b.value, b.commit), default=None)


def estimated(experiment: Experiment, history: History) -> Best | None:
    """One experiment's estimate, None if it has no trusted value."""
    review = experiment.review
    if review is None or review.value is None or review.verdict == "invalid":
        return None
    learned = noise.learn(history)
    known = believed(experiment, history, learn(history, learned.sigma), learned)
    if known is None:
        return None
    mean, half = known[0], Z95 * math.sqrt(known[1] * learned.doubt)
    return Best(
        commit=experiment.commit,
        value=mean,
        low=mean - half,
        high=mean + half,
        n=review.n,
        measured=review.value,
        confirmed=review.verdict == "keep",
    )
