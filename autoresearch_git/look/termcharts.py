"""The other charts as text: frontier, archive, knob effects and loss curves in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autoresearch_git.look.charts.archive import Cell, columns_of, gain_text
from autoresearch_git.look.charts.curves import curve, notable
from autoresearch_git.look.charts.knobs import chosen, reach_of
from autoresearch_git.look.effects import Effect
from autoresearch_git.look.numbers import number, signed
from autoresearch_git.look.rows import change
from autoresearch_git.look.series import Series
from autoresearch_git.look.spark import spark
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, crop, table, wrap
from autoresearch_git.look.termplot import plot
from autoresearch_git.records import Experiment

NARROW = 64  # columns below which the archive is a list
MARKS = {"helps": ("▲", "^", "blue"), "hurts": ("▼", "v", "red"), "open": ("●", "o", None)}


def frontier(series: Series, style: Style) -> list[str]:
    """The best so far alone, with what became the best."""
    bests = [p for p in series.points if p.best is not None]
    points = [
        replace(p, index=k, kind="kept" if p.record else "", value=p.best)
        for k, p in enumerate(bests, 1)
    ]
    values = [p.value for p in points if p.value is not None]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    limits = (low, high) if low < high else None
    return plot(replace(series, points=tuple(points)), style, limits=limits)


def archive(found: Sequence[Cell], style: Style) -> list[str]:
    """Kinds of change down, size and cost across: the gain on the baseline, and the visits."""
    if not found:
        return ["no niche has an elite yet"]
    widest = max(abs(cell.gain) for cell in found)
    texts = {
        (c.row, c.column): style.paint(
            f"{gain_text(c.gain, widest)} ({c.visits})",
            "blue" if c.gain > 0 else "yellow" if c.gain < 0 else None,
        )
        for c in found
    }
    rows = sorted({row for row, _ in texts})
    names = columns_of({column for _, column in texts})
    columns = [Column("", rows, weight=9)]
    columns += [Column(n, [texts.get((row, n), "") for row in rows], right=True) for n in names]
    narrow = style.width < NARROW
    if narrow:  # a line each
        cells = [(f"{r}.{n}", texts[r, n]) for r in rows for n in names if (r, n) in texts]
        columns = [Column("", [n for n, _ in cells]), Column("", [t for _, t in cells], right=True)]
    title = style.paint("gain of each niche's best on the baseline (visits)", bold=True)
    return [*wrap(title, style.width), *table(columns, style, head=not narrow)]


def knobs(effects: Sequence[Effect], style: Style) -> list[str]:
    """A row an effect: the mean gain on the parent, its 95% interval, and where zero is."""
    shown = chosen(effects)[::-1]
    if not shown:
        return ["no knob was turned yet"]
    reach = reach_of(shown)
    names = [crop(f"{e.name} (n={e.n})", max(12, style.width * 2 // 5)) for e in shown]
    room = max(11, min(61, style.width - max(map(len, names)) - 11))
    bars = [_bar(effect, reach, room, style) for effect in shown]
    lines = table(
        [
            Column("", names, weight=9),
            Column("worse".ljust(room - 6) + "better", bars, weight=8),
            Column("", [signed(e.mean) for e in shown], right=True),
        ],
        style,
        gap=1,
    )
    legend = "  ".join(
        f"{sign if style.unicode else simple} {'nothing proven' if name == 'open' else name}"
        for name, (sign, simple, _) in MARKS.items()
    )
    title = style.paint("gain on the parent", bold=True)
    return [title, *lines, crop(legend, style.width)]


def curves(experiments: Sequence[Experiment], style: Style) -> list[str]:
    """The loss of the baseline, the last keeps, and the newest runs besides."""
    named, others = notable(experiments)
    if not named and not others:
        return ["no run printed its loss while it ran"]
    lines = []
    for each in [*named, *others[-8:]]:
        losses = [loss for _, loss in curve(each)]
        line = spark(losses, style, max(8, min(32, style.width - 48)))
        ends = f"{number(losses[0])} {'→' if style.unicode else '>'} {number(losses[-1])}"
        about = f"{style.mark(each.verdict)} {each.commit[:7]} {line} {ends}  {change(each)}"
        lines.append(crop(about, style.width))
    return lines


def _bar(effect: Effect, reach: float, room: int, style: Style) -> str:
    """The interval as a line on an axis of so many columns, with zero in the middle."""

    def place(value: float) -> int:
        return round((min(max(value, -reach), reach) / reach + 1) / 2 * (room - 1))

    line, zero, both = ("─", "┊", "┼") if style.unicode else ("-", ":", "+")
    cells = [" "] * room
    for k in range(place(effect.low), place(effect.high) + 1):
        cells[k] = line
    cells[place(0.0)] = both if cells[place(0.0)] == line else zero
    kind = "open" if effect.strength == "open" else "helps" if effect.mean > 0 else "hurts"
    sign, simple, colour = MARKS[kind]
    cells[place(effect.mean)] = style.paint(sign if style.unicode else simple, colour)
    return "".join(cells)
