"""Turning knobs: what several emitters share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.records import Edit
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search import tuner
from autoresearch_git.search.knobs import Knob

SIZE = 0.15  # of a knob's range: a usual step


def step_size(context: Context) -> float:
    """Steps shrink while nothing improves, and grow again when the phase is to explore."""
    if context.phase == "explore":
        return 2 * SIZE
    return float(SIZE * max(0.4, 0.9 ** (context.history.stall // 2)))


def turn(context: Context, knobs: Sequence[Knob], limit: int | None = None) -> Proposal | None:
    """Turn some of these knobs: by the model if there is one, else a small step of one or two."""
    if not knobs:
        return None
    insight, size = context.insight, step_size(context)
    move: tuner.Move | None
    if insight.model is None:
        move = tuner.random_move(knobs, context.rng.choice((1, 1, 2)), size, context.rng)
        why = "a small step, there is no model yet"
    else:
        model = insight.model
        move = tuner.guided_move(model, knobs, insight.present, size, context.rng, limit)
        why = (
            f"the most promising of {tuner.CANDIDATES} settings, by {len(model.process.x)} results"
        )
    if move is None:
        return None
    expected = None if move.expected is None else insight.sign * move.expected
    return change(context, move.values, f"{_names(move.values)}: {why}", expected)


def change(
    context: Context,
    values: Mapping[str, str],
    hypothesis: str,
    expected: float | None = None,
    builds_on: tuple[str, ...] = (),
) -> Proposal | None:
    """The proposal that sets these knobs in the parent's files; None if nothing would change."""
    reading = context.insight.reading
    named = reading.named()
    edits = tuple(
        Edit(name=name, old=named[name].source, new=text)
        for name, text in values.items()
        if name in named and named[name].source != text
    )
    if not edits:
        return None
    files = knob_reader.write(context.files, reading, {edit.name: edit.new for edit in edits})
    return Proposal(
        files=files,
        change=describe(edits),
        hypothesis=hypothesis,
        expected=expected,
        builds_on=builds_on or (context.parent.commit,),
        edits=edits,
    )


def describe(edits: Sequence[Edit]) -> str:
    """The edits in one line: "MATRIX_LR 0.04 -> 0.03, DEPTH 8 -> 9"."""
    return ", ".join(f"{edit.name} {edit.old} -> {edit.new}" for edit in edits)


def _names(values: Mapping[str, str]) -> str:
    return " and ".join(values) if len(values) < 3 else f"{len(values)} knobs together"
