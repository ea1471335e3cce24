"""Search policies to compare with: hill-climbing, random, Optuna's samplers, and the fork's.

Every policy gets the same ranges, the same start as its first run, and reports the setting that
it would ship: its own choice, by its own rule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob, Value
from autoresearch_git.search.landscape import Landscape, Setting
from autoresearch_git.search.ranges import Range


class Policy(Protocol):
    """Proposes settings and hears the results (None: it crashed). Lower is better."""

    def propose(self) -> Setting: ...

    def observe(self, setting: Setting, result: float | None) -> None: ...

    def choice(self) -> Setting:
        """The setting that the policy would ship now."""
        ...


Maker = Callable[[Landscape, random.Random], Policy]


@dataclass
class Greedy:
    """What all simple policies share: the start first, then keep if the observed value is lower."""

    landscape: Landscape
    rng: random.Random
    best: Setting = field(default_factory=dict)
    value: float = math.inf
    started: bool = False

    def __post_init__(self) -> None:
        self.best = self.landscape.start

    def propose(self) -> Setting:
        if not self.started:
            self.started = True
            return self.landscape.start
        return self.next()

    def next(self) -> Setting:
        raise NotImplementedError

    def observe(self, setting: Setting, result: float | None) -> None:
        if result is not None and result < self.value:
            self.best, self.value = setting, result

    def choice(self) -> Setting:
        return self.best


class Random(Greedy):
    """Uniform over the ranges."""

    def next(self) -> Setting:
        return {name: draw(limits, self.rng) for name, limits in self.landscape.ranges.items()}


class HillClimbing(Greedy):
    """One or two knobs moved from the best by about 15% of their range; keep if lower."""

    def next(self) -> Setting:
        return moved(self.best, self.landscape.ranges, self.rng.choice((1, 1, 2)), 0.15, self.rng)


def draw(limits: Range, rng: random.Random) -> Value:
    """A uniform value of the range."""
    if limits.kind == "choice":
        return rng.choice(limits.choices)
    return space.from_unit(limits, rng.random())


def moved(
    setting: Setting,
    ranges: Mapping[str, Range],
    count: int,
    size: float,
    rng: random.Random,
) -> dict[str, Value]:
    """The setting with a random step in `count` of these knobs."""
    result = dict(setting)
    for name in rng.sample(sorted(ranges), min(count, len(ranges))):
        knob = Knob(name, "", setting[name], repr(setting[name]), 0, 0, ranges[name])
        result[name] = space.parse(space.step(knob, size, rng)) or setting[name]
    return result


@dataclass
class Optuna:
    """A sampler of Optuna; crashes are reported as failed trials, as its guide says."""

    landscape: Landscape
    sampler: Any
    penalty: float | None = None  # for samplers that learn nothing from a failed trial

    def __post_init__(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.create_study(sampler=self.sampler)
        self.study.enqueue_trial(dict(self.landscape.start))
        self.trial: Any = None
        self.best: Setting = self.landscape.start
        self.value = math.inf

    def propose(self) -> Setting:
        self.trial = self.study.ask()
        return {name: self._suggest(name, limits) for name, limits in self.landscape.ranges.items()}

    def _suggest(self, name: str, limits: Range) -> Value:
        if limits.kind == "choice":
            return _value(self.trial.suggest_categorical(name, list(limits.choices)))
        if limits.kind == "power2":
            sizes = [2**k for k in range(round(math.log2(limits.low)), 64) if 2**k <= limits.high]
            return _value(self.trial.suggest_categorical(name, sizes))
        low, high, log = limits.low, limits.high, limits.kind == "log"
        if limits.integer:
            return _value(self.trial.suggest_int(name, int(low), int(high), log=log))
        return _value(self.trial.suggest_float(name, low, high, log=log))

    def observe(self, setting: Setting, result: float | None) -> None:
        import optuna

        told = self.penalty if result is None else result
        if told is None:
            self.study.tell(self.trial, state=optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(self.trial, told)
        if result is not None and result < self.value:
            self.best, self.value = setting, result

    def choice(self) -> Setting:
        return self.best


def _value(value: Any) -> Value:  # noqa: ANN401
    return value  # type: ignore[no-any-return]


def tpe(landscape: Landscape, rng: random.Random) -> Policy:
    import optuna

    seed = rng.getrandbits(31)
    return Optuna(landscape, optuna.samplers.TPESampler(seed=seed), penalty=math.inf)
