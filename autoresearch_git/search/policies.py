"""Search policies to compare with: hill-climbing and random, and what all of them share.

Every policy gets the same ranges, the same start as its first run, and reports the setting that
it would ship: its own choice, by its own rule.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Protocol

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


class Greedy:
    """The start first; then keep whatever was observed to be lower."""

    def __init__(self, landscape: Landscape, rng: random.Random) -> None:
        self.landscape, self.rng = landscape, rng
        self.best: Setting = landscape.start
        self.value = math.inf
        self.started = False

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
        count = self.rng.choice((1, 1, 2))
        return moved(self.best, self.landscape.ranges, count, 0.15, self.rng)


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
        value = space.parse(space.step(knob, size, rng))
        result[name] = setting[name] if value is None else value
    return result
