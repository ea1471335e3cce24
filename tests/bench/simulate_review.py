"""Campaigns with known truth: how often is a keep none, and how far off is the reported best?

    python tests/bench/simulate_review.py [--campaigns 1000] [--runs 125] [--scenario usual]

Each campaign proposes changes with drawn true effects, measures them with noise, and lets the
real review decide (judge, spend, best). Greedy keeps whatever reads lower.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoresearch_git.history import History
from autoresearch_git.records import KEEPS, Decision, Experiment, Plan, Run
from autoresearch_git.review.best import best
from autoresearch_git.review.change import Change
from autoresearch_git.review.confirm import spend
from autoresearch_git.review.judge import judge

SIGMA = 0.0003
START = 0.9979
UNSURE = 0.25  # the contract's sigma is a guess: the true one is off by this much (log scale)
CHANGE = Change(category="optimizer", size={"hunks": 1, "added": 1, "removed": 1, "nodes": 0})


def usual(rng: random.Random, step: int, runs: int) -> float:
    """A true effect in sigmas (positive = better): few help, and fewer the longer it goes on."""
    kind = rng.random()
    if kind < 0.35 * (1 - 0.75 * step / runs):
        return rng.expovariate(1 / 4.0)
    if kind < 0.55:
        return rng.gauss(0, 0.5)
    return -rng.expovariate(1 / 8.0)


def plateau(rng: random.Random, step: int, runs: int) -> float:
    """Nothing helps much any more: nearly every keep would be noise."""
    kind = rng.random()
    if kind < 0.03:
        return rng.expovariate(1 / 3.0)
    return rng.gauss(0, 0.7) if kind < 0.5 else -rng.expovariate(1 / 5.0)


def bold(rng: random.Random, step: int, runs: int) -> float:
    """Large effects of both signs, as at the beginning of a session."""
    return rng.gauss(-12, 14)


def scatter(truth: float, sigma: float) -> float:
    """Noise grows with badness: 2.7 times at 1.05, 4.6 times at 1.1 (BENCHMARK, noise)."""
    return sigma * (1 + 34 * max(0.0, truth / START - 1))


SCENARIOS: dict[str, tuple[Callable[[random.Random, int, int], float], float]] = {
    "usual": (usual, 1.0),  # effects, and the true sigma over the contract's
    "plateau": (plateau, 1.0),
    "bold": (bold, 1.0),
    "noisier": (usual, 2.0),
    "quieter": (usual, 0.5),
}


@dataclass
class Tallies:
    """Counts over campaigns."""

    greedy_keeps: int = 0
    greedy_false: int = 0
    greedy_bias: list[float] = field(default_factory=list)
    greedy_end: list[float] = field(default_factory=list)
    confirmed: int = 0
    confirmed_false: int = 0
    bias: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    inside: int = 0
    intervals: int = 0
    best_inside: int = 0
    runs: int = 0
    extra: int = 0


@dataclass
class World:
    """The truth of one campaign, which the review never sees."""

    rng: random.Random
    sigma: float
    truth: dict[str, float] = field(default_factory=dict)
    number: int = 0

    def run(self, commit: str, seed: int) -> Run:
        self.number += 1
        return Run(
            run=f"r{self.number}",
            outcome="ok",
            seconds=330.0,
            klass="c",
            value=self.truth[commit] + self.rng.gauss(0, scatter(self.truth[commit], self.sigma)),
            seed=seed,
        )


@dataclass
class Campaign:
    """One research branch under the real review."""

    world: World
    known: dict[str, Experiment] = field(default_factory=dict)
    line: list[str] = field(default_factory=list)  # kept commits, the tip last

    def history(self) -> History:
        recent = tuple(self.known.values())
        valued = [e for e in recent if e.value is not None]
        return History(
            klass="c",
            contract="c",
            metric="val_bpb",
            minimize=True,
            sigma=SIGMA,
            baseline=recent[0] if recent else None,
            incumbent=self.known[self.line[-1]] if self.line else None,
            best=min(valued, key=lambda e: e.value or math.inf) if valued else None,
            recent=recent,
            count=len(recent),
        )

    def add(self, commit: str, effect: float) -> None:
        tip = self.line[-1] if self.line else ""
        self.world.truth[commit] = self.world.truth.get(tip, START) - effect * self.world.sigma
        experiment = Experiment(
            commit=commit,
            plan=Plan(emitter="local_tuner", phase="explore", change="x", parent=tip),
            runs=(self.world.run(commit, 42),),
        )
        self.decide(experiment)

    def again(self, commit: str) -> None:
        experiment = self.known[commit]
        run = self.world.run(commit, 42 + len(experiment.runs))
        self.decide(msgspec.structs.replace(experiment, runs=(*experiment.runs, run)))

    def decide(self, experiment: Experiment) -> None:
        review = judge(experiment, CHANGE, self.history())
        first = experiment.decision is None
        old = (self.line[-1] if self.line else "") if first else experiment.decision.old
        verdict = Decision(klass="c", verdict=review.verdict, reason="", old=old)
        commit = experiment.commit
        self.known[commit] = msgspec.structs.replace(experiment, review=review, decision=verdict)
        kept = review.verdict in KEEPS
        if kept and commit not in self.line:
            self.line.append(commit)
        elif not kept and commit in self.line:
            self.line = self.line[: self.line.index(commit)]  # and all that was built on it


def campaign(seed: int, runs: int, scenario: str, tallies: Tallies) -> None:
    effects, factor = SCENARIOS[scenario]
    sigma = SIGMA * factor * random.Random(~seed).lognormvariate(0, UNSURE)
    _ours(World(random.Random(seed), sigma), effects, runs, tallies)
    _greedy(random.Random(seed), sigma, effects, runs, tallies)


def _ours(world: World, effects, runs: int, tallies: Tallies) -> None:
    state = Campaign(world)
    state.add("base", 0.0)
    extra = 0
    while world.number < runs:
        history = state.history()
        wanted = spend(history)
        if world.number >= runs - 2 and len(state.known[state.line[-1]].runs) < 3:
            wanted = state.line[-1]  # what will be reported is confirmed before the end
        if wanted:
            state.again(wanted)
            extra += 1
        else:
            state.add(f"e{world.number}", effects(world.rng, world.number, runs))
    tallies.runs += runs
    tallies.extra += extra
    for commit, experiment in state.known.items():
        review = experiment.review
        if review.verdict == "keep" and experiment.decision.old:
            tallies.confirmed += 1
            better = world.truth[commit] < world.truth[experiment.decision.old]
            tallies.confirmed_false += not better
        tallies.intervals += 1
        tallies.inside += review.low <= world.truth[commit] <= review.high
    reported = best(state.history())
    truth = world.truth[reported.commit]
    tallies.bias.append((truth - reported.value) / world.sigma)
    tallies.best_inside += reported.low <= truth <= reported.high
    tallies.end.append((START - truth) / SIGMA)


def _greedy(rng: random.Random, sigma: float, effects, runs: int, tallies: Tallies) -> None:
    truth, read = START, START + rng.gauss(0, sigma)
    for step in range(1, runs):
        true = truth - effects(rng, step, runs) * sigma
        value = true + rng.gauss(0, scatter(true, sigma))
        if value < read:
            tallies.greedy_keeps += 1
            tallies.greedy_false += true >= truth
            truth, read = true, value
    tallies.greedy_bias.append((truth - read) / sigma)
    tallies.greedy_end.append((START - truth) / SIGMA)


def mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def error(values: list[float]) -> float:
    middle = mean(values)
    return 1.96 * math.sqrt(sum((v - middle) ** 2 for v in values)) / max(1, len(values) - 1)


def row(scenario: str, t: Tallies) -> str:
    return (
        f"{scenario:8} {100 * t.greedy_false / max(1, t.greedy_keeps):7.1f}% "
        f"{mean(t.greedy_bias):7.2f} {100 * t.confirmed_false / max(1, t.confirmed):9.2f}% "
        f"{t.confirmed / len(t.bias):6.1f} {mean(t.bias):+7.3f} +-{error(t.bias):.3f} "
        f"{100 * t.inside / t.intervals:7.1f}% {100 * t.best_inside / len(t.bias):7.1f}% "
        f"{100 * t.extra / t.runs:6.1f}% {mean(t.greedy_end):8.1f} {mean(t.end):8.1f}"
    )


HEADER = (
    "scenario greedy false  bias | confirmed false, per campaign; bias of best; "
    "coverage, of best; extra runs | true gain in sigmas: greedy, ours"
)


def simulate(scenario: str, campaigns: int, runs: int, seed: int = 0) -> Tallies:
    tallies = Tallies()
    for number in range(campaigns):
        campaign(1000 * seed + number, runs, scenario, tallies)
    return tallies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=125)
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="usual")
    given = parser.parse_args()
    print(HEADER)
    for scenario in SCENARIOS if given.scenario == "all" else [given.scenario]:
        began = time.perf_counter()
        print(row(scenario, simulate(scenario, given.campaigns, given.runs)), flush=True)
        print(f"  {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
