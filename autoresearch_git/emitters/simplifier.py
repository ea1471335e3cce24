"""Less machinery: undo one ancestor's change in the parent (an ablation), or remove a part.

A gain that vanishes with the change is proven; one that stays was never due to it, and the
simpler file wins.
"""

from __future__ import annotations

from autoresearch_git.emitters import hunks
from autoresearch_git.emitters.base import Context, Files, Proposal
from autoresearch_git.emitters.moves import MOVES
from autoresearch_git.emitters.structure import build, past
from autoresearch_git.records import Experiment
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search.points import known

ANCESTORS = 6  # looked at: reading each costs two git look-ups


def propose(context: Context) -> Proposal | None:
    ways = [ablate, remove]
    if context.rng.random() < 0.4:
        ways.reverse()
    return next((found for way in ways if (found := way(context)) is not None), None)


def ablate(context: Context) -> Proposal | None:
    """Revert one hunk of one ancestor; those with the least certain gain come first."""
    for ancestor in ancestors(context)[:ANCESTORS]:
        parent = ancestor.plan.parent if ancestor.plan else ""
        before, after = context.read(parent), context.read(ancestor.commit)
        options = hunks.reverts(before, after, context.files)
        context.rng.shuffle(options)
        for files, what in options:
            if context.tried(files) is None:
                return _reverted(context, ancestor, files, what)
    return None


def _reverted(context: Context, ancestor: Experiment, files: Files, what: str) -> Proposal:
    klass = context.history.klass
    edits = knob_reader.diff(context.insight.reading, knob_reader.read(files, klass))
    short = ancestor.commit[:9]
    return Proposal(
        files=files,
        change=f"undo {what} of {short}",
        hypothesis=f"the gain of {short} does not come from {what}, or no longer needs it",
        expected=0.0,
        builds_on=(ancestor.commit, context.parent.commit),
        edits=edits,
    )


def ancestors(context: Context) -> list[Experiment]:
    """The experiments that the parent is built from, least certain gain first."""
    every = known(context.history)
    found: list[Experiment] = []
    now: Experiment | None = context.parent
    while now is not None and now.plan and now.plan.parent and now not in found:
        found.append(now)
        now = every.get(now.plan.parent)
    return sorted(found, key=_certainty)


def _certainty(each: Experiment) -> float:
    review = each.review
    return review.p_better if review and review.p_better is not None else 0.5


def remove(context: Context) -> Proposal | None:
    """A structural move that takes machinery out."""
    counts = past(context)
    due = [move for move in MOVES.values() if move.simplifies and not counts.get(move.edit)]
    context.rng.shuffle(due)
    return next((found for move in due[:4] if (found := build(context, move))), None)
