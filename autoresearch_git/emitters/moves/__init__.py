"""Structural moves: small named codemods that work on any train.py in which they find a pattern.

Each module lists its own in MOVES. A move that finds nothing gives None; whatever it gives must
still be Python and must differ.
"""

from __future__ import annotations

from autoresearch_git.emitters.moves import model, training
from autoresearch_git.emitters.moves.base import Move, apply

MOVES: dict[str, Move] = {move.name: move for move in (*model.MOVES, *training.MOVES)}

__all__ = ["MOVES", "Move", "apply"]
