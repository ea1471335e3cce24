"""What a structural move is, and the one function that applies any of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Rewrite = Callable[[str], str]  # the text of a Python file, changed or not


@dataclass(frozen=True)
class Move:
    """A codemod with its reason."""

    name: str
    area: str  # as search.space.area names them
    change: str  # in one line
    hypothesis: str
    rewrite: Rewrite
    simplifies: bool = False

    @property
    def edit(self) -> str:
        """Its name among the edits of an experiment."""
        return f"move:{self.name}"


def apply(move: Move, files: Mapping[str, str]) -> dict[str, str] | None:
    """The files after the move, None when it finds no pattern or would break the syntax."""
    result = dict(files)
    for path, text in files.items():
        if path.endswith(".py"):
            try:
                after = move.rewrite(text)
                ast.parse(after)
            except (SyntaxError, ValueError, RecursionError):
                continue
            result[path] = after
    return result if result != dict(files) else None
