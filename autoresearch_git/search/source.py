"""Where syntax nodes stand in their text, so that a change can be spliced in alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable


class Offsets:
    """Character offsets of syntax nodes: ast counts lines, and columns in UTF-8 bytes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = text.split("\n")  # as ast does: form feeds and their like end no line
        self.first = [0]
        for line in self.lines:
            self.first.append(self.first[-1] + len(line) + 1)

    def _offset(self, line: int, column: int) -> int:
        prefix = self.lines[line - 1].encode()[:column].decode()
        return self.first[line - 1] + len(prefix)

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self._offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self._offset(node.end_lineno or node.lineno, node.end_col_offset or 0)

    def segment(self, node: ast.expr | ast.stmt) -> str:
        """The node's own text, without parentheses around it."""
        return self.text[self.start(node) : self.end(node)]

    def line(self, node: ast.expr | ast.stmt) -> int:
        """Where the node's first line begins."""
        return self.first[node.lineno - 1]


def splice(text: str, changes: Iterable[tuple[int, int, str]]) -> str:
    """The text with each span [start, end) replaced; of overlapping spans the first one counts."""
    end, kept = -1, []
    for change in sorted(changes, key=lambda change: (change[0], -change[1])):
        if change[0] >= end:
            kept.append(change)
            end = change[1]
    for start, stop, new in reversed(kept):
        text = text[:start] + new + text[stop:]
    return text
