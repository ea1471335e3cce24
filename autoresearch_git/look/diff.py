"""Diffs with colours: what was added and removed, and the syntax of Python within."""

from __future__ import annotations

import re

from autoresearch_git.clean import ESCAPES, UNSAFE
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import crop

LINES = 400  # of a diff that are shown; git show has the rest
_TOKENS = (  # compiled when the first colour is wanted, which in a pipe is never
    r"(?P<comment>#.*)|(?P<string>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<number>\b\d[\w.]*(?:e[+-]\d+)?\b)"
    r"|(?P<word>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|"
    r"False|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|"
    r"return|True|try|while|with|yield)\b)"
)
_COLOURS = {"comment": "bright_black", "string": "yellow", "number": "cyan", "word": "blue"}


def coloured(diff: str, style: Style, limit: int = LINES) -> list[str]:
    """A unified diff as lines for the terminal, without anything that could control it."""
    lines = diff.split("\n")
    body = next((k for k, line in enumerate(lines) if line.startswith("diff ")), 0)
    lines[:body] = [crop(line, style.width) for line in lines[:body]]  # the statistics
    shown = [_line(UNSAFE.sub(" ", ESCAPES.sub("", text)), style) for text in lines[:limit]]
    if len(lines) > limit:
        shown.append(style.dim(f"... {len(lines) - limit} lines more: see git show"))
    return shown


def _line(text: str, style: Style) -> str:
    if not style.colour:
        return text
    if text.startswith(("+++", "---", "diff ", "index ")):
        return style.paint(text, bold=True)
    if text.startswith("@@"):
        return style.paint(text, "magenta")
    if text.startswith(("+", "-")):
        sign = "green" if text[0] == "+" else "red"
        return style.paint(text[0], sign, bold=True) + _syntax(text[1:], style, sign)
    return _syntax(text, style, None)


def _syntax(text: str, style: Style, colour: str | None) -> str:
    """The text with its tokens in colours, the rest in the line's own."""
    parts, end = [], 0
    for match in re.finditer(_TOKENS, text):
        parts.append(style.paint(text[end : match.start()], colour))
        parts.append(style.paint(match[0], _COLOURS[match.lastgroup or "word"]))
        end = match.end()
    return "".join([*parts, style.paint(text[end:], colour)])
