"""What the finished runs of an experiment say: its true value and gain, with their doubt."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_git.history import History
from autoresearch_git.records import Experiment, Run
from autoresearch_git.review import noise, population
from autoresearch_git.review.gaussian import Z95, Mixture


@dataclass(frozen=True)
class Evidence:
    """What the finished runs say, in the metric's unit, gains positive when better."""

    value: float  # mean of the runs, raw sign
    n: int  # runs
    seeds: int  # independent ones among them
    sigma: float  # noise of one run at this value
    low: float  # 95% interval of the true value, raw sign
    high: float
    gain: Mixture | None = None  # posterior of the gain over the reference; None without one
    before: float = 0.5  # P(better) that the history gave such a change before it ran
    p_better: float | None = None
    best: float | None = None  # the reference's value as believed, raw sign


def weigh(
    runs: Sequence[Run], against: Experiment | None, commit: str, history: History
) -> Evidence:
    """The posterior of the true value and of the gain, from at least one finished run."""
    sign = -1.0 if history.minimize else 1.0
    value = math.fsum(run.value for run in runs if run.value is not None) / len(runs)
    learned = noise.learn(history)
    level = history.baseline.value if history.baseline else None
    grown = noise.growth(value, level, history.minimize)
    variance = noise.variance_of_mean(runs, learned) * grown**2
    sigma = learned.sigma * grown
    common = (value, len(runs), noise.seeds(runs), sigma)
    prior = population.learn(history, learned.sigma, without=commit)
    held = (
        population.believed(against, history, prior, learned, without=commit) if against else None
    )
    if held is None:
        half = Z95 * math.sqrt(variance * learned.doubt)
        return Evidence(*common, low=value - half, high=value + half)
    true, gain = population.posterior(
        sign * value, variance, sign * held[0], held[1], prior, learned.sigma
    )
    half = Z95 * math.sqrt(true.variance * learned.doubt)
    return Evidence(
        *common,
        low=sign * true.mean - half,
        high=sign * true.mean + half,
        gain=gain,
        before=Mixture(prior).above(0.0),
        p_better=gain.above(0.0),
        best=held[0],
    )


def usable(runs: Sequence[Run]) -> list[Run]:
    """Finished runs; disturbed ones only when there are no others; a cached one only alone."""
    finished = [run for run in runs if run.outcome == "ok" and run.value is not None]
    fresh = [run for run in finished if not run.cached] or finished[-1:]
    return [run for run in fresh if not run.checks.get(noise.CONTENDED)] or fresh
