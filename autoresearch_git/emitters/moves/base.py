"""What a structural move is, and the one function that applies any of them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst


@dataclass(frozen=True)
class Move:
    """A codemod with its reason. `rewrite` gets the parsed module and returns it changed."""

    name: str
    area: str  # as search.space.area names them
    change: str  # in one line
    hypothesis: str
    rewrite: Callable[[libcst.Module], libcst.Module]
    simplifies: bool = False

    @property
    def edit(self) -> str:
        """Its name among the edits of an experiment."""
        return f"move:{self.name}"


def apply(move: Move, files: Mapping[str, str]) -> dict[str, str] | None:
    """The files after the move, None when it finds no pattern or would break the syntax."""
    import libcst

    result = dict(files)
    for path, text in files.items():
        if not path.endswith(".py"):
            continue
        try:
            result[path] = move.rewrite(libcst.parse_module(text)).code
            ast.parse(result[path])
        except (libcst.ParserSyntaxError, SyntaxError, ValueError):
            result[path] = text
    return result if result != dict(files) else None
