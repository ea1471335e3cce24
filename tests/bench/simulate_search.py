"""Search policies side by side on the surrogate of real trials, and on the traps.

    OMP_NUM_THREADS=1 python -m tests.bench.simulate_search TRIALS.json.gz [--gp] [--save FILE]

Writes Markdown tables to stdout. `--save` keeps each trace as a line of the file, and what is
there is not computed again: an interrupted run goes on, and two runs with other `--only` policies
share one file. Delete the lines of a policy whose code has changed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from autoresearch_git.emitters.replay import POLICIES, Ours, among, with_rule, without
from autoresearch_git.search import landscape, simulate, traps, trials
from autoresearch_git.search.simulate import Trace

FIRST = 100  # the first seed: settings of the search were chosen on others (0-14, 1000-1014)
AT = (10, 25, 50, 100, 200)
LONG = {"tpe": 280, "cma-es": 280}  # runs of the policies that are shown at 280 too
RULES = ("threshold", "replicate", "model")
PARTS = {
    "local_tuner alone": among("local_tuner"),
    "without recombinator": without("recombinator"),
}
MAKERS = {**POLICIES, **{rule: with_rule(rule) for rule in RULES}, **PARTS}
WHERE_PARTS = ("trials", "trap", "structure", "partners")
AGAINST = ("ours", "hill-climbing", "fork")  # on the traps

Job = tuple[str, str, int, int]  # landscape, policy, runs, seed
GROUNDS: dict[str, landscape.Landscape] = {}  # filled before the workers are forked


def compute(job: Job) -> tuple[Job, Trace, float]:
    where, name, runs, seed = job
    began = time.time()
    trace = simulate.replay(MAKERS[name], GROUNDS[where], runs, seed)
    return job, trace, time.time() - began


class Store:
    """Traces by (landscape, policy, runs, seed), as lines of a file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[Job, Trace] = {}
        for line in path.read_text().splitlines() if path and path.exists() else ():
            *job, values, crashes, repeats = json.loads(line)
            self.known[tuple(job)] = Trace(tuple(values), tuple(crashes), repeats)

    def fill(self, jobs: Iterable[Job], processes: int) -> None:
        todo = [job for job in jobs if job not in self.known]
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            for done, (job, trace, seconds) in enumerate(pool.imap_unordered(compute, todo), 1):
                self.known[job] = trace
                print(f"{done}/{len(todo)} {job} {seconds:.0f} s", file=sys.stderr, flush=True)
                if self.path:
                    with self.path.open("a") as out:
                        line = [*job, trace.values, trace.crashes, trace.repeats]
                        out.write(json.dumps(line) + "\n")


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
            gaps = [simulate.paired(traces[base], others, k) for k in at]
            cells = [f"{1e3 * gap.mean:+.2f} ± {1e3 * gap.half:.2f}" for gap in gaps]
            print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n(in 0.001 of the metric, 95% interval; below 0: ours is better)\n")


def shares(ground: landscape.Landscape, runs: int, seeds: Iterable[int]) -> str:
    """How often each emitter proposed, in words."""
    found: Counter[str] = Counter()
    for seed in seeds:
        policy = Ours(ground, random.Random(seed))
        for k in range(runs):
            setting = policy.propose()
            found[policy.plan.emitter] += policy.plan.phase != "baseline"
            policy.observe(setting, ground.run(setting, random.Random(seed * 100003 + k)))
    return ", ".join(f"{n} {100 * c / found.total():.0f}%" for n, c in found.most_common() if c)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--gp", action="store_true", help="Optuna's Gaussian process too: slow")
    parser.add_argument("--only", action="append", help="compute this policy and show nothing")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    at = [k for k in AT if k <= options.runs]
    early = [k for k in at if k <= 100]
    seeds = range(FIRST, FIRST + options.seeds)

    known = trials.read(options.table.read_bytes())
    surrogate = landscape.fit(known, trials.RANGES, trials.DERIVED, 2000, trials.repair)
    GROUNDS["trials"] = trials.landscape(surrogate)
    GROUNDS.update(traps.LANDSCAPES)
    GROUNDS["trials, noise x2"] = trials.landscape(surrogate, 2.0)

    names = [name for name in POLICIES if name != "gp" or options.gp]
    length = {name: max(options.runs, LONG.get(name, 0)) for name in names}
    jobs = [("trials", name, length[name], seed) for name in names for seed in seeds]
    jobs += [("trials", rule, options.runs, seed) for rule in RULES for seed in seeds]
    where = [name for name in GROUNDS if name != "trials"]
    jobs += [(w, name, early[-1], seed) for w in where for name in AGAINST for seed in seeds]
    jobs += [(w, part, early[-1], seed) for w in WHERE_PARTS for part in PARTS for seed in seeds]
    store = Store(options.save)
    store.fill([j for j in jobs if not options.only or j[1] in options.only], options.jobs)
    if options.only:
        return

    def traces(where: str, name: str, runs: int) -> list[Trace]:
        return [store.known[where, name, runs, seed] for seed in seeds]

    error = landscape.cross_validate(
        known, trials.RANGES, trials.DERIVED, most=2000, repair=trials.repair
    )
    print(f"## Surrogate of {error.n} trials, errors on campaigns that it has not seen\n")
    print(f"mean absolute error {error.mean:.4f}, in the better half {error.better:.4f} ", end="")
    print(f"(rank correlation {error.rank:.3f}); crashes forecast rightly {error.crashes:.2%}\n")

    print(f"## Policies, {len(seeds)} seeds: true value of what each would ship\n")
    found = {name: traces("trials", name, length[name]) for name in names}
    show(found, at)
    differences(found, at)
    for name in LONG:
        print(f"{name} at 280 runs: {simulate.interval([t.values[279] for t in found[name]])}\n")
    if options.runs >= 100:
        pairs = zip(found["ours"], found["tpe"], strict=True)
        gap = simulate.interval([a.values[99] - b.values[279] for a, b in pairs])
        print(f"ours at 100 minus tpe at 280: {1e3 * gap.mean:+.2f} ± {1e3 * gap.half:.2f} e-3\n")

    print("## Rules for keeping\n")
    kept = {name: traces("trials", name, options.runs) for name in ("ours", *RULES)}
    show(kept, at)
    differences(kept, at)

    print("## Emitters\n")
    for ground in WHERE_PARTS:
        print(f"{ground}: {shares(GROUNDS[ground], early[-1], seeds[:10])}\n")
        whole = traces(ground, "ours", options.runs if ground == "trials" else early[-1])
        differences({"ours": whole} | {p: traces(ground, p, early[-1]) for p in PARTS}, early)

    for ground in where:
        print(f"## {ground}\n")
        pair = {name: traces(ground, name, early[-1]) for name in AGAINST}
        show(pair, early)
        differences(pair, early)


if __name__ == "__main__":
    main()
