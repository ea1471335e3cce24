"""How much one run's value can be trusted: sigma of one run, its parts, and its growth.

Same seed and host, other seed, and other host are three sources of scatter; each is estimated
from replicates where there are any and pooled with a prior. All in the metric's unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from autoresearch_git.history import History
from autoresearch_git.records import Experiment, Run

PRIOR_RUNS = 8.0  # degrees of freedom that the contract's prior sigma is worth
# Shares of the one-run variance on one host. Measured on the five-minute benchmark: same seed
# 0.0002, seeds together 0.0003 to 0.0007, on a smaller text 0.0014 to 0.0026; another host adds
# about as much as one run has.
REPEAT_SHARE = 0.4
HOST_SHARE = 1.0
GROWTH = 35.0  # sigma grows by this times the relative badness: 2.7 at 5%, 5.2 at 12%
LARGEST = 10.0
CONTENDED = "contended"


@dataclass(frozen=True)
class Noise:
    """Standard deviations of one run at the level of the baseline, in the metric's unit."""

    repeat: float  # same tree, same seed, same host
    seed: float  # what another seed adds
    host: float  # what another host adds
    runs: int = 0  # degrees of freedom of the replicates that it was learned from

    @property
    def doubt(self) -> float:
        """By how much sigma's own uncertainty widens a variance, as Student's t does."""
        known = PRIOR_RUNS + self.runs
        return known / (known - 2)

    @property
    def sigma(self) -> float:
        """Of one run with any seed on one host."""
        return math.hypot(self.repeat, self.seed)


def growth(value: float, level: float | None, minimize: bool) -> float:
    """The factor by which sigma is larger at `value` than at the baseline's `level`."""
    if level is None or level == 0 or not math.isfinite(value):
        return 1.0
    worse = (value - level) if minimize else (level - value)
    return min(LARGEST, 1 + GROWTH * max(0.0, worse / abs(level)))


def learn(history: History) -> Noise:
    """Pool the replicates of a class with the contract's prior sigma."""
    level = history.baseline.value if history.baseline else None
    known = [e for e in (*history.recent, history.baseline, history.incumbent) if e]
    valid = [e for e in known if not (e.review and e.review.verdict == "invalid")]
    apart = list({e.commit: e for e in valid}.values())
    prior = max(history.sigma, 1e-12) ** 2
    repeat, seed, host = _pairs(apart, level, history.minimize)
    same = _pool(prior * REPEAT_SHARE, repeat)
    other = _pool(prior, seed)
    if not seed[1] and not repeat[1]:  # nothing says which seed made which value
        values = [_scatter(v, level, history.minimize) for v in history.replicates if len(v) > 1]
        other = _pool(prior, (sum(v[0] for v in values), sum(v[1] for v in values)))
        same = REPEAT_SHARE * other
    far = _pool(other * (1 + HOST_SHARE), host)
    return Noise(
        repeat=math.sqrt(same),
        seed=math.sqrt(max(other - same, 0.1 * other)),
        host=math.sqrt(max(far - other, 0.0)),
        runs=int(repeat[1] + seed[1] + host[1]),
    )


def _pool(prior: float, seen: tuple[float, float]) -> float:
    return (PRIOR_RUNS * prior + seen[0]) / (PRIOR_RUNS + seen[1])


def _scatter(values: Sequence[float], level: float | None, minimize: bool) -> tuple[float, float]:
    """(sum of squares about the mean, degrees of freedom), with the growth divided out."""
    mean = math.fsum(values) / len(values)
    factor = growth(mean, level, minimize)
    return sum(((v - mean) / factor) ** 2 for v in values), len(values) - 1.0


def _pairs(
    experiments: Iterable[Experiment], level: float | None, minimize: bool
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """(sum of squares, degrees of freedom) for same seed, other seed and other host."""
    totals = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    for experiment in experiments:
        runs = clean_runs(experiment.runs)
        groups = _grouped(runs, lambda run: (host(run), run.seed))
        for _, values in groups:
            if len(values) > 1:
                _add(totals[0], _scatter(values, level, minimize))
        hosts = _grouped(runs, host)
        for _, values in hosts:
            if len({run.seed for run in runs if run.value in values}) > 1:
                _add(totals[1], _scatter(values, level, minimize))
        if len(hosts) > 1:
            _add(totals[2], _scatter([_mean(values) for _, values in hosts], level, minimize))
    return (
        (totals[0][0], totals[0][1]),
        (totals[1][0], totals[1][1]),
        (totals[2][0], totals[2][1]),
    )


def _grouped(runs: Iterable[Run], key: Callable[[Run], object]) -> list[tuple[object, list[float]]]:
    groups: dict[object, list[float]] = {}
    for run in runs:
        if run.value is not None:
            groups.setdefault(key(run), []).append(run.value)
    return list(groups.items())


def _add(total: list[float], more: tuple[float, float]) -> None:
    total[0] += more[0]
    total[1] += more[1]


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def host(run: Run) -> str:
    """The machine that a run was made on, as far as its fingerprint says."""
    return str(run.hardware.get("host", ""))


def clean_runs(runs: Sequence[Run]) -> list[Run]:
    """Runs whose value tells something new: finished, executed, and not disturbed."""
    return [
        run
        for run in runs
        if run.outcome == "ok"
        and run.value is not None
        and not run.cached
        and not run.checks.get(CONTENDED)
        and not run.checks.get("violations")
    ]


def variance_of_mean(runs: Sequence[Run], noise: Noise) -> float:
    """Of the mean of some runs about the true value: shared seeds do not average out."""
    if not runs:
        return math.inf
    n = len(runs)
    by_seed: dict[object, int] = {}
    for number, run in enumerate(runs):
        key = run.seed if run.seed is not None else ("unseeded", number)
        by_seed[key] = by_seed.get(key, 0) + 1
    by_host: dict[str, int] = {}
    for run in runs:
        by_host[host(run)] = by_host.get(host(run), 0) + 1
    shared = sum(count**2 for count in by_seed.values()) / n**2
    hosts = (sum(count**2 for count in by_host.values()) / n**2) if len(by_host) > 1 else 0.0
    return noise.repeat**2 / n + noise.seed**2 * shared + noise.host**2 * hosts


def seeds(runs: Sequence[Run]) -> int:
    """Independent seeds among the runs; without seeds every run counts."""
    named = {run.seed for run in runs if run.seed is not None}
    return len(named) + sum(run.seed is None for run in runs)
