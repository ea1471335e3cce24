"""Search policies side by side on the surrogate of real trials, and on the traps.

    OMP_NUM_THREADS=1 python -m tests.bench.simulate_search TRIALS.json.gz [--gp] [--save FILE]

Writes Markdown tables to stdout. Traces that were saved are not computed again.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from autoresearch_git.emitters.replay import POLICIES, with_rule
from autoresearch_git.search import landscape, simulate, traps, trials
from autoresearch_git.search.simulate import Trace

FIRST = 100  # the first seed: settings of the search were chosen on others (0-14, 1000-1014)
AT = (10, 25, 50, 100, 200)
RUNS = {"tpe": 280, "cma-es": 280, "gp": 100}
RULES = ("threshold", "replicate", "model")


class Store:
    """Traces by (landscape, policy, seed), kept in a file between runs of this script."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.data = json.loads(path.read_text()) if path and path.exists() else {}

    def traces(self, where, ground, name, maker, runs, seeds) -> list[Trace]:
        began = time.time()
        result = []
        for seed in range(FIRST, FIRST + seeds):
            key = f"{where}/{name}/{runs}/{seed}"
            if key not in self.data:
                trace = simulate.replay(maker, ground, runs, seed)
                self.data[key] = [trace.values, trace.crashes, trace.repeats]
            values, crashes, repeats = self.data[key]
            result.append(Trace(tuple(values), tuple(crashes), repeats))
        if self.path:
            self.path.write_text(json.dumps(self.data))
        print(f"{where} {name}: {time.time() - began:.0f} s", file=sys.stderr, flush=True)
        return result


def show(traces, at) -> None:
    rows = simulate.table(traces, at)
    columns = list(rows[0])
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(row[column] for column in columns) + " |")
    print()


def differences(traces, at, base="ours") -> None:
    """Ours minus each other policy, paired by seed."""
    print("| ours minus | " + " | ".join(f"@{k}" for k in at) + " |\n|" + " --- |" * (len(at) + 1))
    for name, others in traces.items():
        if name != base:
            cells = [
                f"{1e3 * d.mean:+.2f} ± {1e3 * d.half:.2f}" if k <= len(others[0].values) else ""
                for k in at
                for d in [simulate.paired(traces[base], others, min(k, len(others[0].values)))]
            ]
            print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n(in 0.001 of the metric, 95% interval; below 0: ours is better)\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--gp", action="store_true", help="Optuna's Gaussian process too: slow")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    store, seeds, runs = Store(options.save), options.seeds, options.runs
    at = [k for k in AT if k <= runs]

    known = trials.read(options.table.read_bytes())
    error = landscape.cross_validate(
        known, trials.RANGES, trials.DERIVED, most=2000, repair=trials.repair
    )
    print(f"## Surrogate of {error.n} trials, errors on campaigns that it has not seen\n")
    print(f"mean absolute error {error.mean:.4f}, in the better half {error.better:.4f} ", end="")
    print(f"(rank correlation {error.rank:.3f}); crashes forecast rightly {error.crashes:.2%}\n")
    surrogate = landscape.fit(known, trials.RANGES, trials.DERIVED, 2000, trials.repair)
    ground = trials.landscape(surrogate)

    names = [name for name in POLICIES if name != "gp" or options.gp]
    traces = {
        name: store.traces(
            "trials", ground, name, POLICIES[name], min(runs, RUNS.get(name, runs))
            if runs < 200 else RUNS.get(name, runs), seeds,
        )
        for name in names
    }  # fmt: skip
    print(f"## Policies, {seeds} seeds: true value of what each would ship\n")
    show({n: t for n, t in traces.items() if len(t[0].values) >= runs}, at)
    if options.gp:
        show({"gp": traces["gp"]}, [k for k in at if k <= 100])
    differences(traces, at)
    if runs >= 200:
        for name in ("tpe", "cma-es"):
            last = simulate.interval([trace.values[279] for trace in traces[name]])
            print(f"{name} at 280 runs: {last}")
        pairs = zip(traces["ours"], traces["tpe"], strict=True)
        gap = simulate.interval([a.values[99] - b.values[279] for a, b in pairs])
        print(f"ours at 100 minus tpe at 280: {1e3 * gap.mean:+.2f} ± {1e3 * gap.half:.2f} e-3\n")

    print("## Rules for keeping\n")
    kept = {"ours": traces["ours"]}
    for rule in RULES:
        kept[rule] = store.traces("trials", ground, rule, with_rule(rule), runs, seeds)
    show(kept, at)
    differences(kept, at)

    grounds = {**traps.LANDSCAPES, "trials, noise x2": trials.landscape(surrogate, 2.0)}
    for where, trap in grounds.items():
        print(f"## {where}\n")
        pair = {
            name: store.traces(where, trap, name, POLICIES[name], min(runs, 100), seeds)
            for name in ("ours", "hill-climbing", "fork")
        }
        show(pair, [k for k in at if k <= 100])
        differences(pair, [k for k in at if k <= 100])


if __name__ == "__main__":
    main()
