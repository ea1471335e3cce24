"""Where another seed is worth its price, and which keeps did not stand up to theirs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from autoresearch_git.history import History
from autoresearch_git.records import KEEPS, Experiment
from autoresearch_git.review import noise, population
from autoresearch_git.review.gaussian import Z95, Mixture, cdf, expected_excess
from autoresearch_git.review.verdict import CONFIRM, SEEDS, was_kept

SHARE = 0.10  # of all runs may go into confirmation
CERTAINTY = 0.1  # worth of knowing that a kept gain is real, as a share of that gain
IN_DOUBT = 0.5  # probability of being better below which a keep is in doubt


@dataclass(frozen=True)
class Doubt:
    """A keep that its replicates do not bear out, and the experiments that build on it."""

    commit: str
    reason: str
    built_on: tuple[str, ...]


def next_confirm(history: History) -> list[tuple[str, float]]:
    """(commit, value of one more run of it), the most valuable first; the metric's unit a minute.

    The value is the expected improvement of the decision that the run may turn, and for a keep
    that lacks a second seed the expected gain that becomes certain.
    """
    learned = noise.learn(history)
    ranked = []
    for experiment in _candidates(history):
        worth = _worth(experiment, history, learned.sigma)
        minutes = _minutes(experiment)
        if worth > 0:
            ranked.append((experiment.commit, worth / minutes))
    return sorted(ranked, key=lambda pair: (-pair[1], pair[0]))


def spend(history: History) -> str | None:
    """The commit that the next run should confirm, None while a new proposal is worth more.

    A new proposal is worth the expected gain of a change as the history knows changes: while
    gains come easily this explores, when they dry up it makes sure of what there is. Never more
    than SHARE of all runs.
    """
    ranked = next_confirm(history) if affordable(history) else []
    if not ranked:
        return None
    sigma = noise.learn(history).sigma
    fresh = Mixture(population.learn(history, sigma)).excess() * sigma
    seconds = [r.seconds for e in history.recent for r in e.runs[-1:] if r.outcome == "ok"]
    minutes = max(median(seconds), 1.0) / 60 if seconds else 1.0
    return ranked[0][0] if ranked[0][1] >= fresh / minutes else None


def affordable(history: History) -> bool:
    """Whether one more confirming run keeps confirmation within SHARE of all runs."""
    runs = sum(len(experiment.runs) for experiment in history.recent)
    extra = sum(max(0, len(experiment.runs) - 1) for experiment in history.recent)
    return extra + 1 <= SHARE * (runs + 1)


def doubted(experiments: Iterable[Experiment]) -> list[Doubt]:
    """Keeps whose review after their replicates says otherwise, oldest first."""
    known = list(experiments)
    found = []
    for experiment in known:
        review = experiment.review
        if not review or review.p_better is None or not was_kept(experiment):
            continue
        if review.n >= SEEDS and review.p_better < IN_DOUBT:
            reason = f"{review.n} runs give P(better) {review.p_better:.2f} over what it replaced"
            found.append(Doubt(experiment.commit, reason, _descendants(experiment.commit, known)))
    return found


def _candidates(history: History) -> Sequence[Experiment]:
    """Experiments whose verdict another run could turn: open keeps, close calls, the best."""
    some = [e for e in (*history.recent, *history.near_misses, *history.elites.values()) if e]
    some += [e for e in (history.incumbent, history.best) if e]
    return [e for e in {e.commit: e for e in some}.values() if e.plan and not e.lease]


def _worth(experiment: Experiment, history: History, sigma: float) -> float:
    review = experiment.review
    if review is None or review.p_better is None or review.low is None or review.high is None:
        return 0.0
    if review.verdict not in (*KEEPS, "near-miss", "retest"):
        return 0.0
    mean, sd = _gain(experiment, history)
    turned = _decision_value(mean, sd, review.sigma or sigma)
    seeds = noise.seeds(noise.clean_runs(experiment.runs))
    kept = review.verdict in KEEPS
    sure = seeds >= SEEDS and review.p_better >= CONFIRM
    if kept and not sure:  # what is to be reported has to be certain first
        turned += CERTAINTY * max(0.0, mean) * cdf(mean / sd if sd > 0 else math.inf)
    return turned


def _gain(experiment: Experiment, history: History) -> tuple[float, float]:
    """(mean, sd) of a normal gain with the review's interval and probability."""
    review = experiment.review
    if review is None or review.low is None or review.high is None or review.best is None:
        return 0.0, 0.0
    middle = (review.low + review.high) / 2
    sd = (review.high - review.low) / (2 * Z95)
    return history.gain(review.best, middle), sd


def _decision_value(mean: float, sd: float, sigma: float) -> float:
    """Expected gain of deciding after one more run instead of now (value of information)."""
    if sd <= 0:
        return 0.0
    moved = sd * sd / math.hypot(sd, sigma)  # sd of the posterior mean after that run
    return expected_excess(mean, moved) - max(0.0, mean)


def _minutes(experiment: Experiment) -> float:
    seconds = [run.seconds for run in experiment.runs if run.outcome == "ok" and run.seconds > 0]
    return max(seconds[-1] if seconds else 60.0, 1.0) / 60


def _descendants(commit: str, known: Sequence[Experiment]) -> tuple[str, ...]:
    """Experiments that start from it or build on it, directly or not, in their order."""
    below = {commit}
    found = []
    for experiment in sorted(known, key=lambda e: (e.seq, e.commit)):
        plan = experiment.plan
        if plan and below & {plan.parent, *plan.builds_on} and experiment.commit not in below:
            below.add(experiment.commit)
            found.append(experiment.commit)
    return tuple(found)
