"""The bandit over emitters: who proposes next, from tallies and recent experiments alone.

Nothing is stored: two machines with the same trail compute the same scores.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from autoresearch_git.history import PROGRESS, History
from autoresearch_git.records import EMITTERS, KEEPS, Experiment
from autoresearch_git.search import archive

EXPLORATION = 0.1  # c of UCB; sqrt(2) hardly learns in 100 pulls
WINDOW = 60  # pulls over which the memory fades

# Before any evidence: the success rate that an emitter is credited with, worth PRIOR pulls.
PRIOR = 3.0
CREDIT = {
    "local_tuner": 0.5,
    "optimizer_hacker": 0.4,
    "architecture_mutator": 0.4,
    "simplifier": 0.15,
    "contrarian": 0.1,
    "recombinator": 0.25,
    "anomaly_chaser": 0.1,
}
# What a phase asks for, added to the score. On a plateau all seven get their turn.
BIAS: Mapping[str, Mapping[str, float]] = {
    "exploit": {"local_tuner": 0.1},
    "explore": {"architecture_mutator": 0.1, "optimizer_hacker": 0.05, "contrarian": 0.05},
    "recombine": {
        "recombinator": 0.4,
        "simplifier": 0.25,
        "anomaly_chaser": 0.15,
        "contrarian": 0.15,
    },
    "stabilize": {"local_tuner": 0.2, "simplifier": 0.1, "anomaly_chaser": 0.05},
}


@dataclass(frozen=True)
class Arm:
    """What is known of one emitter: faded pulls and wins, and its mean cost in seconds."""

    pulls: float
    wins: float
    seconds: float


def arms(history: History, names: Iterable[str] = EMITTERS) -> dict[str, Arm]:
    """Each emitter's arm: recent outcomes fade with age, a pull in flight counts as no win yet."""
    pulls: dict[str, float] = {}
    wins: dict[str, float] = {}
    recent = [each for each in history.recent if each.plan and each.decision]
    inside = archive.entered(history)
    for age, each in enumerate(reversed(recent)):
        fade = math.exp(-age / WINDOW)
        emitter = each.plan.emitter if each.plan else ""
        pulls[emitter] = pulls.get(emitter, 0.0) + fade
        wins[emitter] = wins.get(emitter, 0.0) + fade * won(history, each, inside)
    for each in history.running:
        if each.plan:  # constant liar: as if it had already failed
            pulls[each.plan.emitter] = pulls.get(each.plan.emitter, 0.0) + 1.0
    result = {}
    for name in names:
        tally = history.emitters.get(name)
        seconds = tally.seconds / tally.tries if tally and tally.tries else 0.0
        result[name] = Arm(pulls.get(name, 0.0), wins.get(name, 0.0), seconds)
    return result


def won(history: History, each: Experiment, inside: Collection[str]) -> float:
    """The reward, 0 or 1: it gained more than the noise, or entered the archive; else nothing.

    A keep by luck is none: the emitter that turns knobs forever would live on those.
    """
    if each.value is None or each.verdict == "invalid":
        return 0.0
    delta = each.review.delta if each.review else None
    lucky = delta is not None and history.gain(0.0, delta) <= PROGRESS * history.sigma
    return float((each.verdict in KEEPS and not lucky) or each.commit in inside)


def scores(history: History, phase: str, names: Iterable[str] = EMITTERS) -> dict[str, float]:
    """UCB score of each emitter: faded success rate, exploration, phase, and cost."""
    state = arms(history, names)
    total = sum(arm.pulls for arm in state.values())
    costs = sorted(arm.seconds for arm in state.values() if arm.seconds > 0)
    typical = costs[len(costs) // 2] if costs else 0.0
    bias = BIAS.get(phase, {})
    result = {}
    for name, arm in state.items():
        n = arm.pulls + PRIOR
        rate = (arm.wins + PRIOR * CREDIT.get(name, 0.2)) / n
        spread = EXPLORATION * math.sqrt(math.log(total + math.e) / n)
        price = min(max(arm.seconds / typical, 0.5), 2.0) if typical and arm.seconds else 1.0
        result[name] = rate / math.sqrt(price) + spread + bias.get(name, 0.0)
    return result


def order(
    history: History, phase: str, rng: random.Random, names: Iterable[str] = EMITTERS
) -> list[str]:
    """The emitters, the one to ask first in front; ties are broken by chance."""
    state = scores(history, phase, names)
    return sorted(state, key=lambda name: (-state[name], rng.random()))
