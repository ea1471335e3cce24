"""Which of several agents is asked: a bandit whose reward is keeps per cost."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoresearch_git.records import KEEPS, Event, Experiment

DOLLAR = 1800.0  # seconds of a machine that one US dollar is worth
FADE = 0.97  # of an outcome's weight with each later one: agents and their models change


@dataclass(frozen=True)
class Record:
    """What one agent has done: faded wins and losses, and the mean cost of an ask in seconds."""

    wins: float = 0.0
    losses: float = 0.0
    cost: float = 0.0


def records(
    names: Sequence[str], tried: Iterable[Experiment], nothing: Iterable[Event]
) -> dict[str, Record]:
    """Each agent's record, from its experiments and its non-proposals."""
    outcomes: list[tuple[float, str, bool, float]] = []
    for each in tried:
        if each.plan and each.plan.agent and each.decision:
            ran = sum(run.seconds for run in each.runs)
            won = each.decision.verdict in KEEPS
            outcomes.append((each.seq, _name(each.plan.agent), won, ran + price(each.plan.agent)))
    for event in nothing:
        if event.plan:
            outcomes.append((event.seq, _name(event.plan.agent), False, price(event.plan.agent)))
    outcomes.sort()
    found = {name: Record() for name in names}
    for name in names:
        mine = [o for o in outcomes if o[1] == name]
        wins = sum(FADE**age for age, o in enumerate(reversed(mine)) if o[2])
        losses = sum(FADE**age for age, o in enumerate(reversed(mine)) if not o[2])
        cost = sum(o[3] for o in mine) / len(mine) if mine else 0.0
        found[name] = Record(wins, losses, cost)
    return found


def choose(found: Mapping[str, Record], rng: random.Random) -> str:
    """Thompson sampling of the success rate, divided by the relative cost.

    An agent that was never asked is taken to cost what the others cost on average.
    """
    costs = [record.cost for record in found.values() if record.cost > 0]
    typical = sum(costs) / len(costs) if costs else 1.0

    def worth(name: str) -> float:
        record = found[name]
        rate = rng.betavariate(1.0 + record.wins, 1.0 + record.losses)
        return rate / max((record.cost or typical) / typical, 0.05)

    return max(found, key=worth)


def price(agent: Mapping[str, object]) -> float:
    """What one ask cost, in seconds: its wall time and its dollars."""
    return _number(agent.get("seconds")) + DOLLAR * _number(agent.get("usd"))


def _name(agent: Mapping[str, object]) -> str:
    return str(agent.get("name", ""))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
