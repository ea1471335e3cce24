"""The early stop on recorded curves: what it saves, and which winners it loses.

    python tests/bench/simulate_early.py [CURVES.json.gz] [ORDERS]

One campaign runs all recorded runs in a random order. A stopped run has no final value, so it
teaches nothing, exactly as in a real campaign. A winner is a run that would have beaten the best
value known when it ran; it is lost when it was stopped.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from autoresearch_git.backends import early

CURVES = Path(__file__).parents[1] / "data/curves"


@dataclass
class Tally:
    """Sums over campaigns."""

    runs: int = 0
    spent: float = 0.0  # budgets
    winners: int = 0
    lost: int = 0
    forecasts: int = 0
    covered: int = 0  # forecasts whose interval held the final value

    def __str__(self) -> str:
        return (
            f"saved {1 - self.spent / self.runs:.1%} of the budget, lost {self.lost} of "
            f"{self.winners} winners ({self.lost / max(1, self.winners):.2%}), "
            f"95% intervals held {self.covered / max(1, self.forecasts):.1%}"
        )


def load(file: Path) -> list[early.Past]:
    """Recorded runs, the untouched setting first."""
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        rows = json.load(opened)["runs"]
    return [early.Past(list(zip(c[::2], c[1::2], strict=True)), value) for value, c in rows]


def campaign(runs: list[early.Past], seed: int, tally: Tally) -> None:
    """One campaign over all runs in a random order, the baseline first."""
    rest = runs[1:]
    random.Random(seed).shuffle(rest)
    past, best = [runs[0]], runs[0].value
    for run in rest:
        watch, stopped = early.Watch(past, best), 1.0
        for share, loss in run.curve:
            if watch.see(share, loss):
                stopped = share
                break
        if watch.last:
            tally.forecasts += 1
            tally.covered += watch.last.low <= run.value <= watch.last.high
        tally.runs += 1
        tally.spent += stopped
        tally.winners += run.value < best
        tally.lost += run.value < best and stopped < 1.0
        if stopped == 1.0:
            past.append(run)
            best = min(best, run.value)


def simulate(file: Path, orders: int) -> Tally:
    """Many campaigns over one recording."""
    tally, runs = Tally(), load(file)
    for seed in range(orders):
        campaign(runs, seed, tally)
    return tally


def main() -> None:
    """All recordings, or the one that was named."""
    files = [Path(sys.argv[1])] if len(sys.argv) > 1 else sorted(CURVES.glob("*.json.gz"))
    orders = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    for file in files:
        print(f"{file.name}: {len(load(file))} runs, {orders} orders: {simulate(file, orders)}")


if __name__ == "__main__":
    main()
