"""The opposite of the recent trend: where everybody pushed one way, pull the other."""

from __future__ import annotations

from collections.abc import Iterable

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.turn import change
from autoresearch_git.records import Edit, Experiment
from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob
from autoresearch_git.search.points import edits as edits_of

WINDOW = 20  # experiments that make the trend


def propose(context: Context) -> Proposal | None:
    recent = context.history.recent[-WINDOW:]
    named = {knob.name: knob for knob in context.insight.knobs}
    pushes = trend(recent, named)
    ranked = sorted(pushes, key=lambda name: (-abs(pushes[name]), name))
    for name in ranked[:5]:
        if not pushes[name]:
            continue
        proposal = _pull(context, named[name], -1.0 if pushes[name] > 0 else 1.0, pushes[name])
        if proposal is not None and context.tried(proposal.files) is None:
            return proposal
    return None


def trend(recent: Iterable[Experiment], named: dict[str, Knob]) -> dict[str, int]:
    """For each knob: pushes up minus pushes down."""
    pushes: dict[str, int] = {}
    for experiment in recent:
        for edit in edits_of(experiment):
            if edit.name in named:
                pushes[edit.name] = pushes.get(edit.name, 0) + direction(edit, named[edit.name])
    return pushes


def direction(edit: Edit, knob: Knob) -> int:
    """1 for up, -1 for down, 0 where there is no order."""
    old, new = space.parse(edit.old), space.parse(edit.new)
    if knob.range.kind == "choice" or old is None or new is None:
        return 0
    return int(space.to_unit(knob.range, new) > space.to_unit(knob.range, old)) * 2 - 1


def _pull(context: Context, knob: Knob, way: float, pushes: int) -> Proposal | None:
    size = abs(context.rng.gauss(0.2, 0.1))
    unit = space.to_unit(knob.range, knob.value) + way * max(size, _least(knob))
    text = space.source(knob, space.from_unit(knob.range, unit))
    towards = "lower" if way < 0 else "higher"
    why = f"{abs(pushes)} recent moves pushed {knob.name} one way; a {towards} value may be better"
    return change(context, {knob.name: text}, why)


def _least(knob: Knob) -> float:
    count = space.values(knob.range)
    return 1 / (count - 1) if count > 1 else 0.03
