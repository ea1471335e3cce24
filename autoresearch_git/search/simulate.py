"""Policies side by side on one landscape: the true value of what each would ship, run by run."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoresearch_git.search.landscape import Landscape
from autoresearch_git.search.policies import Maker

LATE = 50  # crashes are counted after this many runs


@dataclass(frozen=True)
class Trace:
    """One policy on one seed: `values[k]` is the true value of its choice after k + 1 runs."""

    values: tuple[float, ...]
    crashes: tuple[bool, ...]
    repeats: int  # settings that had been run before

    def late_crashes(self) -> float:
        """Share of runs after the first LATE that crashed."""
        late = self.crashes[LATE:]
        return sum(late) / len(late) if late else 0.0


def replay(maker: Maker, landscape: Landscape, runs: int, seed: int) -> Trace:
    """One policy for `runs` runs. The noise of run k is the same for every policy of a seed."""
    policy = maker(landscape, random.Random(seed))
    values, crashes = [], []
    seen: set[tuple[tuple[str, object], ...]] = set()
    repeats = 0
    for k in range(runs):
        setting = policy.propose()
        identity = tuple(sorted(setting.items()))
        repeats += identity in seen and not getattr(policy, "wanted", False)
        seen.add(identity)
        result = landscape.run(setting, random.Random(seed * 100003 + k))
        policy.observe(setting, result)
        crashes.append(result is None)
        truth = landscape.truth(policy.choice())
        values.append(math.inf if truth is None else truth)
    return Trace(tuple(values), tuple(crashes), repeats)


@dataclass(frozen=True)
class Interval:
    """A mean with its 95% interval (normal approximation over seeds)."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.5f} ± {self.half:.5f}"


def interval(values: Sequence[float]) -> Interval:
    """Mean and half width of its 95% interval."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return Interval(mean, math.inf)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    return Interval(mean, 1.96 * math.sqrt(variance / n))


def paired(ours: Sequence[Trace], theirs: Sequence[Trace], runs: int) -> Interval:
    """Difference of the values after `runs` runs, ours minus theirs, over the same seeds."""
    pairs = zip(ours, theirs, strict=True)
    return interval([a.values[runs - 1] - b.values[runs - 1] for a, b in pairs])


def table(traces: Mapping[str, Sequence[Trace]], at: Sequence[int]) -> list[dict[str, str]]:
    """One row a policy: true value after so many runs, late crashes, repeats."""
    rows = []
    for name, many in traces.items():
        row = {"policy": name}
        for runs in at:
            row[f"@{runs}"] = str(interval([trace.values[runs - 1] for trace in many]))
        row["crashes"] = f"{100 * sum(t.late_crashes() for t in many) / len(many):.1f}%"
        row["repeats"] = f"{sum(t.repeats for t in many) / len(many):.1f}"
        rows.append(row)
    return rows


def curve(traces: Sequence[Trace]) -> list[Interval]:
    """The interval after every run, for a plot."""
    length = min(len(trace.values) for trace in traces)
    return [interval([trace.values[k] for trace in traces]) for k in range(length)]
