"""Cuts Python source into top-level statements as text, to parse only those that differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

CONTINUES = re.compile(r"[\s)\]}#]|(?:else|elif|except|finally)\b")


def regions(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Stretches of top-level statements that differ as text."""
    before, after = _blocks(old), _blocks(new)
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield "".join(before[a:b]), "".join(after[c:d])


def _blocks(source: str) -> list[str]:
    """The source cut before each line that may begin a top-level statement."""
    blocks: list[str] = []
    open_string = decorated = False
    for line in source.splitlines(keepends=True):
        if not blocks or not (open_string or decorated or CONTINUES.match(line)):
            blocks.append(line)
        else:
            blocks[-1] += line
        decorated = not open_string and line.startswith("@")
        if (line.count('"""') + line.count("'''")) % 2:
            open_string = not open_string
    return blocks
