"""Turning knobs: what several emitters share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.records import Edit
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search import tuner
from autoresearch_git.search.knobs import Knob

SIZE = 0.12  # of a knob's range: a first step
LARGEST = 0.3
FOUNDED = 2.0  # standard errors from which a conjecture is worth telling
GROWTH = 0.003  # a result


def step_size(context: Context) -> float:
    """Half width of the trust region: it grows with what the model has seen."""
    model = context.insight.model
    seen = 0 if model is None else len(model.process.x)
    return min(LARGEST, SIZE + GROWTH * seen)


def most_knobs(context: Context) -> int:
    """Few knobs at once while little is known: a model of two runs cannot judge a big change."""
    model = context.insight.model
    return 2 if model is None else max(2, len(model.process.x))


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
        move = tuner.guided_move(
            model, knobs, insight.present, size, context.rng, limit or most_knobs(context)
        )
        why = (
            f"the most promising of {tuner.CANDIDATES} settings, by {len(model.process.x)} results"
        )
    if move is None:
        return None
    expected = None if move.expected is None else insight.sign * move.expected
    theory, evidence = _theory(context, move.values)
    hypothesis = f"{_names(move.values)}: {why}{theory}"
    return change(context, move.values, hypothesis, expected, evidence)


def _theory(context: Context, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The best founded conjecture on a knob that moves, in words, and what it rests on."""
    believed = [c for name, c in context.insight.conjectures.items() if name in values]
    best = max(believed, key=lambda each: each.strength, default=None)
    if best is None or best.strength < FOUNDED:
        return "", ()
    words = f"; so far {best.statement} ({best.effect:+.2g} ± {best.deviation:.1g} over its range)"
    return words, (context.parent.commit, *best.evidence[:3])


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
