"""Progress as text: a scatter plot with axes and a legend, in Unicode signs or in ASCII."""

from __future__ import annotations

from autoresearch_git.look.numbers import number
from autoresearch_git.look.series import Series, window
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import width as columns_of

_SIGNS = {  # kind -> (sign, sign in ASCII, colour); later ones are drawn over earlier ones
    "discarded": ("·", ".", None),
    "retest": ("▵", "?", "blue"),
    "failed": ("✗", "x", "red"),
    "near miss": ("◇", "~", "yellow"),
    "kept": ("●", "*", "green"),
    "baseline": ("■", "#", None),
}


def plot(
    series: Series,
    style: Style,
    height: int = 16,
    limits: tuple[float, float] | None = None,
) -> list[str]:
    """The lines of the plot, as wide as the terminal (at most 100 columns).

    `limits` are those of the axis; by default it leaves far-off failures out.
    """
    limits = limits or window(series)
    if limits is None:
        return ["no run has a value yet"]
    low, high = limits
    ticks = {0: number(high), height // 2: number((low + high) / 2), height - 1: number(low)}
    margin = max(map(len, ticks.values())) + 1
    across = max(10, min(style.width, 100) - margin - 2)
    cells = _cells(series, across, height, low, high, style)
    bar, corner, floor = ("│", "└", "─") if style.unicode else ("|", "+", "-")
    lines = [style.paint(series.metric, bold=True)]
    for row in range(height):
        body = "".join(cells.get((row, column), " ") for column in range(across))
        lines.append(f"{ticks.get(row, ''):>{margin}}{bar}{body}".rstrip())
    lines.append(" " * margin + corner + floor * across)
    last = str(len(series.points))
    lines.append(" " * (margin + 1) + "1" + last.rjust(across - 1))
    return lines + _legend(series, style)


def _cells(
    series: Series, across: int, height: int, low: float, high: float, style: Style
) -> dict[tuple[int, int], str]:
    """What is drawn where, by (row, column)."""
    count = max(len(series.points) - 1, 1)
    found: dict[tuple[int, int], str] = {}

    def place(index: int, value: float) -> tuple[int, int]:
        share = (min(max(value, low), high) - low) / ((high - low) or 1.0)
        return round((1 - share) * (height - 1)), round((index - 1) / count * (across - 1))

    line, step = ("─", "│") if style.unicode else ("-", "|")
    before: int | None = None
    for column in range(across):
        point = series.points[column * count // max(across - 1, 1) if count > 1 else 0]
        if point.best is None:
            continue
        row = place(point.index, point.best)[0]
        for between in range(min(row, before or 0) + 1, max(row, before or 0)):
            if before is not None:
                found[between, column] = style.paint(step, "cyan")
        found[row, column] = style.paint(line, "cyan")
        before = row
    for kind, (sign, simple, colour) in _SIGNS.items():
        for point in series.points:
            if point.kind == kind:
                edge = high if series.minimize else low
                value = edge if point.value is None else point.value
                drawn = style.paint(sign if style.unicode else simple, colour)
                found[place(point.index, value)] = drawn
    return found


def _legend(series: Series, style: Style) -> list[str]:
    lines, line = [], ""
    for kind, (sign, simple, colour) in _SIGNS.items():
        n = sum(p.kind == kind for p in series.points)
        if not n:
            continue
        item = f"{style.paint(sign if style.unicode else simple, colour)} {kind} ({n})  "
        if line and columns_of(line) + columns_of(item) > style.width:
            lines.append(line.rstrip())
            line = ""
        line += item
    return [*lines, line.rstrip()]
