"""A landscape to search without a GPU: a surrogate of recorded runs, with crashes and noise.

The value is a Gaussian process of the logarithm of the excess over a floor, which makes the good
region count as much as the bad one. Crashes are a threshold of a logistic regression.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoresearch_git.search import gp, logistic, space
from autoresearch_git.search.knobs import Value
from autoresearch_git.search.ranges import Range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Setting = Mapping[str, Value]
Derived = Sequence[Callable[[Setting], float]]  # features of about unit range
FLOOR = 0.2  # of the interquartile range, below the best recorded value
FIT_POINTS = 400
CAUTION = 1.0  # posterior deviations added to the truth
NOISE = 0.02  # of the logarithm: what the surrogate need not follow


@dataclass(frozen=True)
class Trial:
    """One recorded run: its setting, its value (None: crashed), and the campaign it is from."""

    setting: Setting
    value: float | None
    group: str = ""


@dataclass(frozen=True)
class Landscape:
    """What every policy searches: the same knobs, ranges, start, truth and noise."""

    ranges: Mapping[str, Range]
    start: Setting
    truth: Callable[[Setting], float | None]  # None: crashes
    deviation: Callable[[float], float]  # of one run, at a true value
    sigma: float = 3e-4  # the noise of one run, as a policy may know it

    def run(self, setting: Setting, rng: random.Random) -> float | None:
        """One noisy run of a setting; None when it crashes. Lower is better."""
        value = self.truth(setting)
        return None if value is None else value + rng.gauss(0, self.deviation(value))


@dataclass(frozen=True)
class Surrogate:
    """The fitted truth; call it with a setting.

    The value is the posterior mean plus one posterior deviation: where runs were recorded the
    two differ by less than the noise, and a policy gains nothing by going where none was.
    """

    ranges: Mapping[str, Range]
    derived: Derived
    process: gp.Process
    floor: float
    risk: logistic.Classifier
    repair: Callable[[Setting], Setting] = dict  # what the program does with odd settings

    def __call__(self, setting: Setting) -> float | None:
        x = features([self.repair(setting)], self.ranges, self.derived)
        if float(self.risk.predict(x)[0]) > 0.5:
            return None
        return float(self.values(x)[0])

    def values(self, x: Array, caution: float = CAUTION) -> Array:
        """True values at features x (m, d), crashes ignored."""
        import numpy as np

        mean, deviation = self.process.predict(x)
        return np.asarray(self.floor + np.exp(mean + caution * deviation))


def features(settings: Sequence[Setting], ranges: Mapping[str, Range], derived: Derived) -> Array:
    """Settings as rows: unit coordinates, one column a choice, and what is derived."""
    import numpy as np

    columns = []
    for name, limits in ranges.items():
        if limits.kind == "choice":
            for choice in limits.choices:
                columns.append([float(s[name] == choice) for s in settings])
        else:
            columns.append([space.to_unit(limits, s[name]) for s in settings])
    columns += [[function(s) for s in settings] for function in derived]
    return np.array(columns).T


def fit(
    trials: Sequence[Trial],
    ranges: Mapping[str, Range],
    derived: Derived = (),
    most: int = 3000,
    repair: Callable[[Setting], Setting] = dict,
) -> Surrogate:
    """A surrogate of the trials; the best ones and a random rest when there are over `most`."""
    import numpy as np

    rng = np.random.default_rng(0)
    done = [trial for trial in trials if trial.value is not None]
    values = np.array([trial.value for trial in done], dtype=float)
    floor = _floor(values)
    keep = np.arange(len(done))
    if len(done) > most:
        order = np.argsort(values)
        rest = rng.permutation(order[most // 3 :])
        keep = np.concatenate([order[: most // 3], rest[: most - most // 3]])
    x = features([done[i].setting for i in keep], ranges, derived)
    y = np.log(values[keep] - floor)
    some = rng.permutation(len(keep))[:FIT_POINTS]
    kinds = np.zeros(x.shape[1], dtype=bool)
    process = gp.fit(x, y, np.full(len(y), NOISE**2), kinds, some, steps=40)
    every = features([trial.setting for trial in trials], ranges, derived)
    failed = np.array([float(trial.value is None) for trial in trials])
    risk = logistic.fit(every, failed, spread=100.0)
    return Surrogate(ranges, derived, process, floor, risk, repair)


def _floor(values: Array) -> float:
    import numpy as np

    low, high = np.quantile(values, [0.25, 0.75])
    return float(values.min() - FLOOR * (high - low))


@dataclass(frozen=True)
class Error:
    """Cross-validated error: of the posterior mean (all, and the better half), and of crashes."""

    mean: float
    better: float
    rank: float  # Spearman's correlation in the better half
    crashes: float  # share of runs whose crash was forecast rightly
    n: int


def cross_validate(
    trials: Sequence[Trial],
    ranges: Mapping[str, Range],
    derived: Derived = (),
    folds: int = 5,
    most: int = 3000,
    repair: Callable[[Setting], Setting] = dict,
) -> Error:
    """The error on campaigns that the surrogate has not seen."""
    import numpy as np

    groups = sorted({trial.group for trial in trials})
    random.Random(0).shuffle(groups)
    guesses, truths, right = [], [], []
    for k in range(folds):
        out = set(groups[k::folds])
        surrogate = fit([t for t in trials if t.group not in out], ranges, derived, most, repair)
        test = [t for t in trials if t.group in out]
        x = features([t.setting for t in test], ranges, derived)
        crash = surrogate.risk.predict(x) > 0.5
        right += [bool(c) == (t.value is None) for c, t in zip(crash, test, strict=True)]
        for guess, trial in zip(surrogate.values(x, 0.0), test, strict=True):
            if trial.value is not None:
                guesses.append(float(guess))
                truths.append(trial.value)
    guess, truth = np.array(guesses), np.array(truths)
    good = truth <= np.median(truth)
    ranks = np.corrcoef(truth[good].argsort().argsort(), guess[good].argsort().argsort())[0, 1]
    off = np.abs(guess - truth)
    return Error(
        float(off.mean()), float(off[good].mean()), float(ranks), float(np.mean(right)), len(trials)
    )
