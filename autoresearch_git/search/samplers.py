"""Optuna's samplers as policies: TPE, CMA-ES and a Gaussian process, with their defaults."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

from autoresearch_git.search import space
from autoresearch_git.search.knobs import Value
from autoresearch_git.search.landscape import Landscape, Setting
from autoresearch_git.search.policies import Policy
from autoresearch_git.search.ranges import Range

PENALTY = 10.0  # told for a crash to the samplers that only rank
MILD = 0.1  # a Gaussian process takes it at its size: this share worse than the best


class Optuna:
    """A study that is asked and told. Powers of two are searched by their exponent.

    `indices`: choices as integers, for CMA-ES, which otherwise draws them at random.
    `mild`: a crash is told as the worst result, for what models values and not ranks.
    """

    def __init__(
        self,
        landscape: Landscape,
        sampler: Any,  # noqa: ANN401
        indices: bool = False,
        mild: bool = False,
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.landscape, self.indices, self.mild = landscape, indices, mild
        self.study = optuna.create_study(sampler=sampler)
        self.study.enqueue_trial(
            {n: self._code(r, landscape.start[n]) for n, r in landscape.ranges.items()}
        )
        self.trial: Any = None
        self.best: Setting = landscape.start
        self.value, self.worst = math.inf, -math.inf

    def _code(self, limits: Range, value: Value) -> Value:
        if limits.kind == "choice":
            return limits.choices.index(value) if self.indices else value
        return int(value).bit_length() - 1 if limits.kind == "power2" else value

    def propose(self) -> Setting:
        self.trial = self.study.ask()
        return {name: self._suggest(name, limits) for name, limits in self.landscape.ranges.items()}

    def _suggest(self, name: str, limits: Range) -> Value:
        if limits.kind == "choice":
            if self.indices:
                choice: int = self.trial.suggest_int(name, 0, space.values(limits) - 1)
                return limits.choices[choice]
            value: Value = self.trial.suggest_categorical(name, list(limits.choices))
            return value
        if limits.kind == "power2":
            low, high = int(limits.low).bit_length() - 1, int(limits.high).bit_length() - 1
            exponent: int = self.trial.suggest_int(name, low, high)
            return 1 << exponent
        log = limits.kind == "log"
        if limits.integer:
            whole: int = self.trial.suggest_int(name, int(limits.low), int(limits.high), log=log)
            return whole
        number: float = self.trial.suggest_float(name, limits.low, limits.high, log=log)
        return number

    def observe(self, setting: Setting, result: float | None) -> None:
        self.study.tell(self.trial, self._penalty() if result is None else result)
        if result is not None:
            self.worst = max(self.worst, result)
        if result is not None and result < self.value:
            self.best, self.value = setting, result

    def _penalty(self) -> float:
        if not self.mild or math.isinf(self.value):
            return PENALTY
        return max(self.worst, self.value + MILD * abs(self.value))

    def choice(self) -> Setting:
        return self.best


def tpe(landscape: Landscape, rng: random.Random) -> Policy:
    """Optuna's default sampler."""
    import optuna

    return Optuna(landscape, optuna.samplers.TPESampler(seed=rng.getrandbits(31)))


def cma_es(landscape: Landscape, rng: random.Random) -> Policy:
    """CMA-ES from the start; needs the package cmaes."""
    import optuna

    start = {
        name: limits.choices.index(value)
        if limits.kind == "choice"
        else int(value).bit_length() - 1
        if limits.kind == "power2"
        else value
        for (name, limits), value in zip(
            landscape.ranges.items(), landscape.start.values(), strict=True
        )
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # x0 goes away in Optuna 6
        sampler = optuna.samplers.CmaEsSampler(
            x0=start, seed=rng.getrandbits(31), warn_independent_sampling=False
        )
    return Optuna(landscape, sampler, indices=True)


def gp(landscape: Landscape, rng: random.Random) -> Policy:
    """Optuna's Gaussian process; needs torch and scipy, and about a second a proposal."""
    import optuna

    return Optuna(landscape, optuna.samplers.GPSampler(seed=rng.getrandbits(31)), mild=True)
