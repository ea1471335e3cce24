"""Tables of plain text that fit the terminal: columns are left out, the last one is cropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_git.look.style import Style

_PAINT = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Column:
    """One column; those with the lowest `weight` go first when the terminal is narrow."""

    title: str
    cells: Sequence[str]
    right: bool = False
    weight: int = 5


def table(columns: Sequence[Column], style: Style, *, head: bool = True, gap: int = 2) -> list[str]:
    """The lines of a table; the last column takes what is left of the width."""
    shown = [c for c in columns if any(c.cells)] or list(columns)
    widths = {id(c): _width(c, head) for c in shown}
    last = shown[-1]
    floor = min(widths[id(last)], max(12, style.width // 5))

    def need() -> int:
        fixed = sum(widths[id(c)] + gap for c in shown if c is not last)
        return fixed + (floor if last in shown else 0)

    while need() > style.width and len(shown) > 2:
        shown.remove(min(shown[:-1], key=lambda c: c.weight))
    room = style.width - sum(widths[id(c)] + gap for c in shown[:-1])
    widths[id(last)] = max(min(widths[id(last)], room), 1)
    lines = []
    if head:
        titles = [_fit(c.title, widths[id(c)], c.right, style) for c in shown]
        lines.append(style.dim((" " * gap).join(titles).rstrip()))
    for cells in zip(*(c.cells for c in shown), strict=True):
        row = [_fit(t, widths[id(c)], c.right, style) for t, c in zip(cells, shown, strict=True)]
        lines.append((" " * gap).join(row).rstrip())
    return lines


def width(text: str) -> int:
    """Columns that a text takes on a terminal: two for wide characters, none for colours."""
    text = _PAINT.sub("", text) if "\x1b" in text else text
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def crop(text: str, columns: int) -> str:
    """The text in at most so many columns, with a sign that something was cut."""
    if width(text) <= columns:
        return text
    bare = _PAINT.sub("", text)
    while bare and width(bare) > columns - 1:
        bare = bare[: max(0, columns - 1)] if bare.isascii() else bare[:-1]
    return bare.rstrip() + "…"


def wrap(text: str, columns: int, indent: int = 0) -> list[str]:
    """The text in lines of at most so many columns, all but the first one indented."""
    if width(text) <= columns:
        return [text]
    indent = min(indent, columns // 2)
    bare = text.lstrip(" ")
    lines, line = [], " " * min(len(text) - len(bare), columns // 2)
    for word in bare.split(" "):
        longer = f"{line} {word}" if line.strip() else line + word
        if width(longer) <= columns:
            line = longer
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = " " * indent + word
        while width(line) > columns:  # a word longer than a line
            head = line[:columns]
            while width(head) > columns:
                head = head[:-1]
            lines.append(head)
            line = " " * indent + line[len(head) :]
    return [*lines, line.rstrip()]


def _width(column: Column, head: bool) -> int:
    widest = max((width(cell) for cell in column.cells), default=0)
    return max(widest, len(column.title) if head else 0)


def _fit(text: str, columns: int, right: bool, style: Style) -> str:
    short = crop(text, columns)
    space = " " * (columns - width(short))
    return space + short if right else short + space
