"""Structural moves as proposals: which codemod is due, and what it is expected to do."""

from __future__ import annotations

from collections.abc import Sequence

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.moves import MOVES, Move, apply
from autoresearch_git.records import Edit
from autoresearch_git.search.points import edits as edits_of
from autoresearch_git.search.points import known

TRIES = 4  # moves looked at before giving up: each costs a parse of the file


def transform(context: Context, areas: Sequence[str]) -> Proposal | None:
    """Apply the least tried structural move of these areas that finds its pattern."""
    counts = past(context)
    due = [move for move in MOVES.values() if move.area in areas]
    due = [move for move in due if context.insight.present.get(move.edit) != "True"]
    context.rng.shuffle(due)
    due.sort(key=lambda move: counts.get(move.edit, 0))
    for move in due[:TRIES]:
        proposal = build(context, move)
        if proposal is not None:
            return proposal
    return None


def build(context: Context, move: Move) -> Proposal | None:
    """The move applied to the parent's files, None when it does not find its pattern."""
    files = apply(move, context.files)
    if files is None:
        return None
    return Proposal(
        files=files,
        change=move.change,
        hypothesis=move.hypothesis,
        expected=None,
        builds_on=(context.parent.commit,),
        edits=(Edit(name=move.edit, old="False", new="True"),),
    )


def past(context: Context) -> dict[str, int]:
    """How often each structural move was tried so far."""
    counts: dict[str, int] = {}
    for each in known(context.history).values():
        for edit in edits_of(each):
            if edit.name.startswith("move:"):
                counts[edit.name] = counts.get(edit.name, 0) + 1
    return counts
