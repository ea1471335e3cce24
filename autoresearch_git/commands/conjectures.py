"""git ar conjectures: what the outcomes suggest."""

from __future__ import annotations

import dataclasses

import click

from autoresearch_git.history import RECENT
from autoresearch_git.look.effects import Effect, effects
from autoresearch_git.look.filters import Filter
from autoresearch_git.look.numbers import signed
from autoresearch_git.look.query import latest_class
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, table
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option

NARROW = 60  # columns
_COLOURS = {"strong": "green", "weak": "yellow", "open": None}


@click.command()
@click.option("--of", "what", type=click.Choice(["knob", "category", "emitter"]), default="knob")
@click.option("--open/--no-open", "undecided", default=True, help="Show those without proof too.")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
@json_option
def command(what: str, undecided: bool, klass: str, as_json: bool | None) -> None:
    """Short working theories: which changes helped, by how much, and on what evidence.

    The gain is against the parent experiment, positive for better, with a 95% interval. It is
    what was seen on the way, not a controlled trial: see the evidence before you rely on it.

    \b
    git ar conjectures
    git ar conjectures --of category --no-open
    """
    index = Memory.open().index
    wanted = Filter(klass=klass or latest_class(index))
    found = effects(list(wanted.newest(index, RECENT))[::-1], what)
    if not undecided:
        found = [each for each in found if each.strength != "open"]
    if Output.choose(as_json).json:
        for each in found:
            facts = dataclasses.asdict(each) | {"strength": each.strength}
            facts["statement"] = each.statement
            Output(True).line({"kind": "conjecture", "v": 1, **facts})
        return
    style = Style.of()
    for line in _lines(found, style) if found else ["no outcomes yet that say anything"]:
        style.echo(line)


def _lines(found: list[Effect], style: Style) -> list[str]:
    strengths = [style.paint(e.strength, _COLOURS[e.strength]) for e in found]
    columns = [
        Column("strength", strengths, weight=9),
        Column("gain", [signed(e.mean) if e.n else "" for e in found], right=True, weight=8),
        Column("95% interval", [_interval(e) for e in found], weight=5),
        Column("n", [str(e.n) for e in found], right=True, weight=7),
        Column("crashes", [str(e.crashes or "") for e in found], right=True, weight=4),
        Column("evidence", [" ".join(c[:7] for c in e.evidence[-2:]) for e in found], weight=1),
        Column("conjecture", [e.name if e.strength == "open" else e.statement for e in found]),
    ]
    if style.width < NARROW:  # the conjecture needs the room more than its number of runs
        columns = [column for column in columns if column.title != "n"]
    return table(columns, style)


def _interval(effect: Effect) -> str:
    return f"[{signed(effect.low)}, {signed(effect.high)}]" if effect.n else ""
