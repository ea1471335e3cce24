"""What the terminal can show: its width, colours, and whether it has more than ASCII."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TextIO

import click

# verdict -> (mark, mark in ASCII, colour); each differs by its mark, so colour is never needed.
MARKS = {
    "keep": ("●", "*", "green"),
    "keep-unconfirmed": ("◐", "+", "cyan"),
    "near-miss": ("◇", "~", "yellow"),
    "retest": ("?", "?", "blue"),
    "discard": ("·", ".", None),
    "crash": ("✗", "x", "red"),
    "invalid": ("!", "!", "magenta"),
    "running": ("▶", ">", "bright_blue"),
}
_ASCII = str.maketrans({"…": "~", "±": "+-", "·": ".", "─": "-", "│": "|", "→": ">"})
WIDE = 10_000  # columns where nobody said how many there are


@dataclass(frozen=True)
class Style:
    """How text is shown on one stream."""

    width: int = WIDE
    colour: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO | None = None) -> Style:
        """The style of a stream (stdout), from the terminal and the environment."""
        out = stream or sys.stdout
        terminal = out.isatty()
        return cls(_width(out, terminal), terminal and _coloured(), _has_unicode(out))

    def paint(self, text: str, colour: str | None = None, *, bold: bool = False) -> str:
        """The text in a colour, where colours are wanted."""
        if not self.colour or not (colour or bold):
            return text
        return click.style(text, fg=colour, bold=bold or None)

    def dim(self, text: str) -> str:
        """Less important text."""
        return click.style(text, dim=True) if self.colour else text

    def plain(self, text: str) -> str:
        """The text in the characters that the terminal has."""
        if self.unicode or text.isascii():
            return text
        return text.translate(_ASCII).encode("ascii", "replace").decode()

    def mark(self, verdict: str) -> str:
        """The sign of a verdict, one column wide."""
        sign, simple, colour = MARKS.get(verdict, ("○", "o", None))
        return self.paint(sign if self.unicode else simple, colour)

    def verdict(self, verdict: str) -> str:
        """The verdict in its colour."""
        return self.paint(verdict, MARKS.get(verdict, ("", "", None))[2])

    def echo(self, text: str = "") -> None:
        """Print lines; colours were decided already."""
        click.echo(self.plain(text), color=self.colour)


def _width(stream: TextIO, terminal: bool) -> int:
    # As shutil.get_terminal_size does, whose import takes longer than all of this module.
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isdigit() and int(wanted):
        return max(int(wanted), 20)
    if not terminal:
        return WIDE
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 20)
    except (OSError, ValueError):
        return 80


def _coloured() -> bool:
    env = os.environ
    return not env.get("NO_COLOR") and env.get("TERM") != "dumb" and env.get("CLICOLOR") != "0"


def _has_unicode(stream: TextIO) -> bool:
    if (stream.encoding or "").replace("-", "").lower() != "utf8":
        return False
    # Python speaks UTF-8 in the C locale too, but the terminal there does not.
    wanted = next((v for n in ("LC_ALL", "LC_CTYPE", "LANG") if (v := os.environ.get(n))), "")
    return "utf" in wanted.lower()
