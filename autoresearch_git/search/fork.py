"""The policy of autoresearch-evo, the system that this project takes further, from its formulas.

Seven emitters scored by mean reward + sqrt(2 ln(T + 2) / (n + 1)) + phase bias + coverage -
penalties; a reward of six terms; keep if the gain is over 0.001, or positive and small. Its
proposals are a language model's; here each emitter makes the random step that its name says.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from autoresearch_git.search.landscape import Landscape, Setting
from autoresearch_git.search.policies import Greedy, moved
from autoresearch_git.search.space import area

EMITTERS = (
    "local_tuner",
    "optimizer_hacker",
    "architecture_mutator",
    "simplifier",
    "contrarian",
    "recombinator",
    "anomaly_chaser",
)
BIASES = {
    "explore": {"architecture_mutator": 0.35, "contrarian": 0.2},
    "exploit": {"local_tuner": 0.35, "optimizer_hacker": 0.2},
    "recombine": {"recombinator": 0.5},
    "stabilize": {"simplifier": 0.35, "anomaly_chaser": 0.2},
}
NEAR, NEAR_WINDOW = 0.0015, 12
KEEP, SMALL = 0.001, 0.2
TRAINING = ("optimizer", "schedule", "batch")


@dataclass(frozen=True)
class Past:
    """One run as the policy remembers it."""

    emitter: str
    setting: Setting
    kept: bool
    crashed: bool
    near: bool
    reward: float


class Fork(Greedy):
    """The fork's selector and keep rule around random steps."""

    def __init__(self, landscape: Landscape, rng: random.Random) -> None:
        super().__init__(landscape, rng)
        self.past: list[Past] = []
        self.emitter = "baseline"

    def phase(self) -> str:
        last = self.past[-5:]
        stall = self.stall()
        near = [each for each in self.past[-NEAR_WINDOW:] if each.near]
        if sum(each.crashed for each in last) >= 2:
            return "stabilize"
        if stall >= 6 and len(near) >= 2:
            return "recombine"
        if stall >= 4:
            return "explore"
        return "exploit" if sum(each.kept for each in last) >= 2 else "explore"

    def stall(self) -> int:
        return next((i for i, each in enumerate(reversed(self.past)) if each.kept), len(self.past))

    def score(self, emitter: str, phase: str) -> float:
        rewards = [each.reward for each in self.past if each.emitter == emitter]
        n, total = len(rewards), len(self.past)
        names = [each.emitter for each in self.past]
        streak = next((i for i, e in enumerate(reversed(names)) if e != emitter), len(names))
        if streak >= 3:
            return -math.inf
        score = sum(rewards) / n if n else 0.0
        score += math.sqrt(2 * math.log(total + 2) / (n + 1))
        score += BIASES[phase].get(emitter, 0.0)
        score += 0.35 * (self.stall() >= 4 and emitter not in names[-4:])
        return score - 0.08 * names[-8:].count(emitter) - 0.05 * (streak > 0) - 0.15 * max(
            0, streak - 1
        )  # fmt: skip

    def next(self) -> Setting:
        phase = self.phase()
        self.emitter = max(EMITTERS, key=lambda name: (self.score(name, phase), self.rng.random()))
        return self.mutate(self.emitter)

    def mutate(self, emitter: str) -> Setting:
        ranges = self.landscape.ranges
        training = {name: r for name, r in ranges.items() if area(name) in TRAINING}
        near = [each.setting for each in self.past[-NEAR_WINDOW:] if each.near]
        match emitter:
            case "optimizer_hacker":
                return moved(self.best, training or ranges, 2, 0.2, self.rng)
            case "architecture_mutator":
                model = {name: r for name, r in ranges.items() if name not in training}
                return moved(self.best, model or ranges, 2, 0.2, self.rng)
            case "simplifier":
                changed = [n for n in ranges if self.best[n] != self.landscape.start[n]]
                if changed:
                    name = self.rng.choice(changed)
                    return {**self.best, name: self.landscape.start[name]}
            case "recombinator" if near:
                other = self.rng.choice(near)
                return {n: self.rng.choice((self.best, other))[n] for n in ranges}
            case "contrarian":
                return moved(self.best, ranges, 2, 0.35, self.rng)
        return moved(self.best, ranges, 1, 0.15, self.rng)

    def observe(self, setting: Setting, result: float | None) -> None:
        first = math.isinf(self.value)
        gain = 0.0 if result is None or first else self.value - result
        changed = sum(setting[n] != self.best[n] for n in setting)
        complexity = 0.05 * changed  # one hunk a knob
        kept = result is not None and (first or gain > KEEP or (gain > 0 and complexity <= SMALL))
        near = result is not None and not kept and result <= self.value + NEAR
        reward = self.reward(result is None, gain, complexity)
        self.past.append(Past(self.emitter, setting, kept, result is None, near, reward))
        if kept and result is not None:
            self.best, self.value = setting, result

    def reward(self, crashed: bool, gain: float, complexity: float) -> float:
        n = sum(each.emitter == self.emitter for each in self.past)
        new_crash = crashed and not any(each.crashed for each in self.past)
        novelty = 0.35 / math.sqrt(n + 1) + 0.2 / math.sqrt(n + 1) + 0.1 / math.sqrt(n + 1)
        information = 0.25 / math.sqrt(n + 1) + 0.2 * new_crash + 0.1 * (self.stall() >= 4)
        surprise = 0.15 if crashed else 0.2 if gain > 0.0015 else 0.1 * (abs(gain) > 0.0015)
        return 100 * max(0.0, gain) + novelty + information + surprise - complexity
