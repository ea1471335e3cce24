"""A result that is already known: same tree, seed and class."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from autoresearch_git.records import Run

FINAL = ("ok", "crash", "oom", "timeout", "nan", "no-metric")  # what would happen again


def cached(runs: Iterable[Run], klass: str, seed: int | None, new: str) -> Run | None:
    """The run that would be repeated, as run `new` marked `cached`; None if there is none.

    `runs` are all runs of the tree, whichever commit they belong to. A run that was killed or
    whose machinery failed says nothing, and one that was itself taken over leads to its origin.
    """
    for run in reversed(tuple(runs)):
        if run.klass == klass and run.seed == seed and run.outcome in FINAL:
            origin = run.cached or run.run
            return msgspec.structs.replace(run, run=new, cached=origin, seconds=0.0, cost=0.0)
    return None
