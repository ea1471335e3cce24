"""An experiment of chosen knobs: `git ar propose --set MATRIX_LR=0.03`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from autoresearch_git.clean import clean
from autoresearch_git.emitters.turn import describe
from autoresearch_git.errors import ArError
from autoresearch_git.records import Edit, Experiment
from autoresearch_git.research import Research
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob, Reading
from autoresearch_git.stages.propose import Idea, commit, targets


def from_settings(
    research: Research, klass: str, settings: Mapping[str, str], idea: Idea
) -> Experiment:
    """The research branch's newest version with these knobs set, NAME -> Python literal.

    A name without its `@` means the branch that this machine takes. A value may lie outside the
    knob's range: that is advice for the search. Raises ArError for a name that is no knob.
    """
    research.reload()
    files = targets(research, research.tip)
    reading = knob_reader.read(files, klass)
    values = {}
    for name, text in settings.items():
        knob = _knob(reading, name)
        values[knob.name] = _literal(knob, text)
    named = reading.named()
    edits = tuple(
        Edit(name=name, old=named[name].source, new=text)
        for name, text in values.items()
        if named[name].source != text
    )
    if not edits:
        raise ArError("these knobs are set so already: nothing to propose", "see: git ar knobs")
    plan = idea.plan(research.tip, describe(edits), edits)
    return commit(research, plan, (research.tip,), knob_reader.write(files, reading, values))


def _knob(reading: Reading, name: str) -> Knob:
    named = reading.named()
    found = [named[name]] if name in named else []
    found = found or [k for k in reading.knobs if k.active and k.name.split("@")[0] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ArError(f"{name} stands for several knobs", " or ".join(k.name for k in found))
    near = difflib.get_close_matches(name, named, 3, 0.5)
    cure = f"did you mean {' or '.join(near)}?" if near else "see them all: git ar knobs"
    raise ArError(f"there is no knob {clean(name, 40)}", cure)


def _literal(knob: Knob, text: str) -> str:
    """The value as source text: words become strings where the knob is one."""
    value = space.parse(text)
    if isinstance(knob.value, str):
        return space.source(knob, value if isinstance(value, str) else text)
    if value is None or isinstance(value, str):
        raise ArError(
            f"{knob.name} cannot be {clean(text, 40)}", f"give a literal such as {knob.source}"
        )
    return text
