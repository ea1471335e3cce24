"""What one proposal costs at a history of N experiments of our benchmark: CPU time, median.

OMP_NUM_THREADS=1 python -m tests.bench.bench_ask [N]
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from pathlib import Path

from autoresearch_git.emitters.ask import ask
from autoresearch_git.records import Decision, Edit, Experiment, Plan, Review, Run
from autoresearch_git.search import knobs, space
from tests.search.past import history

KLASS = "contract-nvidia-h100"
FILES = {"train.py": (Path(__file__).parents[2] / "benchmark" / "train.py").read_text()}


def experiments(count: int) -> list[Experiment]:
    """Random changes of three knobs of the baseline, one in twenty a crash."""
    rng = random.Random(0)
    turned = [k for k in knobs.read(FILES, KLASS).knobs if k.active]
    found = []
    for i in range(count):
        chosen = rng.sample(turned, 3) if i else []
        edits = tuple(Edit(name=k.name, old=k.source, new=space.step(k, 0.2, rng)) for k in chosen)
        crash = i and rng.random() < 0.05
        value = None if crash else 1.0 + abs(rng.gauss(0, 0.01))
        run = Run(
            run=f"r{i}", outcome="oom" if crash else "ok", seconds=300, klass=KLASS, value=value
        )
        verdict = "crash" if crash else "discard" if i else "keep"
        review = Review(klass=KLASS, runs=(run.run,), verdict=verdict, reason="", value=value, n=1)
        plan = Plan(
            emitter="local_tuner" if i else "baseline", phase="exploit", change="",
            parent="c0" if i else "", edits=edits,
        )  # fmt: skip
        decision = Decision(klass=KLASS, verdict=verdict, reason="")
        found.append(
            Experiment(
                commit=f"c{i}", seq=i, plan=plan, runs=(run,), review=review, decision=decision
            )
        )
    return found


def main(count: int) -> None:
    many = experiments(count)
    past = history(klass=KLASS, baseline=many[0], incumbent=many[0], best=many[0])
    import msgspec

    past = msgspec.structs.replace(past, recent=tuple(many), count=count)
    times = []
    for seed in range(21):
        began = time.process_time()
        ask(
            past, "c0", read=lambda commit: FILES, merge=lambda a, b: None,
            tried=lambda files: None, rng=random.Random(seed),
        )  # fmt: skip
        times.append(1e3 * (time.process_time() - began))
    print(
        f"{count} experiments: median {statistics.median(times):.0f} ms, most {max(times):.0f} ms"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
