"""Many writers at once: how many events a second, and what a gc in a loop and kills leave of them.

python -m tests.bench.bench_storm                                     16 writers x 200 events
python -m tests.bench.bench_storm --gc --kill 0.05 --budget 100       with all that can go wrong
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from autoresearch_git.memory import fsck
from autoresearch_git.memory.store import Memory
from tests.memory.lab import git
from tests.memory.storm import locks, readable_notes, storm, survivors


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--kill", type=float, default=0.0)
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--gc", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-storm-") as home:
        folder = Path(home) / "lab"
        done = storm(
            folder,
            options.writers,
            options.events,
            kill=options.kill,
            gc=options.gc,
            budget=options.budget,
        )
        found = survivors(folder)
        git(folder, "fsck", "--no-dangling")
        print(f"{len(done.acknowledged)} events acknowledged, {len(found)} on the trail,")
        print(f"{len(done.acknowledged - found)} lost, {len(done.errors)} writers failed,")
        print(f"{done.kills} kills, {done.collections} runs of git gc --prune=now,")
        print(
            f"{readable_notes(folder)} notes readable by git log, {len(locks(folder))} locks left,"
        )
        print(f"views follow from the trail: {fsck.check(Memory.open(folder)).ok}")
        print(
            f"{len(found) / done.seconds:.0f} events/s in all, {done.seconds:.1f} s with start-up"
        )
        print(f"{len(found) / (done.last - done.first):.0f} events/s from the first to the last")


if __name__ == "__main__":
    main()
