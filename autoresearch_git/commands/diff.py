"""git ar diff: two experiments side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot

import click
import msgspec

from autoresearch_git.clean import clean
from autoresearch_git.git.process import git
from autoresearch_git.look.diff import coloured
from autoresearch_git.look.numbers import duration, estimate, interval, number, seconds_of, signed
from autoresearch_git.look.query import find
from autoresearch_git.look.rows import change
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, table, wrap
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment

NARROW = 84  # columns below which two experiments do not fit beside each other


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--stat", is_flag=True, help="Only the numbers and the files that changed.")
@json_option
def command(first: str, second: str, stat: bool, as_json: bool | None) -> None:
    """Two experiments: their numbers side by side, then what differs in their files.

    \b
    git ar diff 1a2b3c4 autoresearch/mar5
    """
    memory = Memory.open()
    a, b = find(memory, first), find(memory, second)
    flags = ("--stat",) if stat else ("--stat", "-p")
    text = git(memory.place.git_dir, "diff", *flags, a.commit, b.commit)
    if Output.choose(as_json).json:
        both = {"a": msgspec.to_builtins(a), "b": msgspec.to_builtins(b)}
        delta, reach = _delta(a, b), _reach(a, b)
        ends = None if delta is None or reach is None else (delta - reach, delta + reach)
        found = {"kind": "diff", "v": 1, **both, "delta": delta, "interval": ends, "diff": text}
        Output(True).line(found)
        return
    style = Style.of()
    columns = _columns(a, b, style)
    lines = table(columns, style) if style.width >= NARROW else _stacked(columns, style)
    for line in (*lines, *_warning(a, b), ""):
        style.echo(line)
    for line in coloured(text.rstrip("\n"), style):
        style.echo(line)


def _stacked(columns: Sequence[Column], style: Style) -> list[str]:
    """The table for a narrow terminal: a line or more for each row."""
    arrow = "→" if style.unicode else ">"
    lines = []
    for name, a, b, delta in zip(*(column.cells for column in columns), strict=True):
        both = a if a == b else f"{a} {arrow} {b}"
        lines += wrap(f"{name:<9} {both}" + (f" ({delta})" if delta else ""), style.width, 10)
    return lines


def _columns(a: Experiment, b: Experiment, style: Style) -> list[Column]:
    names = ["commit", "verdict", "value", "interval", "runs", "time", "change"]
    extra = sorted(_metrics(a).keys() & _metrics(b).keys())
    names += [clean(name, 24) for name in extra]
    reach = _reach(a, b)
    between = "" if reach is None else f"±{number(reach)}"
    return [
        Column("", names, weight=9),
        Column("A", _cells(a, extra, style), weight=10),
        Column("B", _cells(b, extra, style), weight=10),
        Column("B - A", ["", "", signed(_delta(a, b)), between, *[""] * 3, *_changes(a, b, extra)]),
    ]


def _cells(each: Experiment, extra: list[str], style: Style) -> list[str]:
    # What the other columns leave; stacked, it may take several lines.
    room = min(40, (style.width - 34) // 2) if style.width >= NARROW else 40
    return [
        each.commit[:9],
        f"{style.mark(each.verdict)} {each.verdict}",
        number(estimate(each.review) if each.review else each.value),
        interval(each.review),
        str(len(each.runs)),
        duration(seconds_of(each)),
        change(each, room),
        *(f"{_metrics(each)[name]:.6g}" for name in extra),
    ]


def _changes(a: Experiment, b: Experiment, extra: list[str]) -> list[str]:
    found = []
    for name in extra:
        old, new = _metrics(a)[name], _metrics(b)[name]
        found.append(f"{(new - old) / abs(old):+.1%}" if old else signed(new))
    return found


def _metrics(each: Experiment) -> dict[str, float]:
    return each.runs[-1].metrics if each.runs else {}


def _delta(a: Experiment, b: Experiment) -> float | None:
    old, new = (estimate(e.review) if e.review else e.value for e in (a, b))
    return None if old is None or new is None else new - old


def _reach(a: Experiment, b: Experiment) -> float | None:
    """Half the 95% interval of the true difference, where both are known in one class."""
    spans = [(e.review.low, e.review.high) for e in (a, b) if e.review]
    halves = [(high - low) / 2 for low, high in spans if low is not None and high is not None]
    return hypot(*halves) if len(halves) == 2 and a.klass == b.klass else None


def _warning(a: Experiment, b: Experiment) -> list[str]:
    if a.klass != b.klass:
        return [f"! not comparable: {a.klass or 'never ran'} and {b.klass or 'never ran'}"]
    return []
