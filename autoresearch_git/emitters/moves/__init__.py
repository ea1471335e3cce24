"""Structural moves: small named codemods that work on any train.py in which they find a pattern.

A module here lists its moves in MOVES. A move that finds nothing gives None; whatever it gives
must still be Python and must differ.
"""

from __future__ import annotations

from autoresearch_git.emitters.moves.base import Move, apply

_ALL: tuple[Move, ...] = ()
MOVES: dict[str, Move] = {move.name: move for move in _ALL}

__all__ = ["MOVES", "Move", "apply"]
