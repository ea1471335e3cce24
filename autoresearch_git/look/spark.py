"""Sparklines: a series of numbers in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from autoresearch_git.look.style import Style

_BLOCKS, _SIMPLE = "▁▂▃▄▅▆▇█", "_.-~=+*#"


def spark(values: Sequence[float], style: Style, columns: int = 40) -> str:
    """The values from left to right, high ones high; a long series keeps each bin's last one."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    if len(known) > columns:
        known = [known[(k + 1) * len(known) // columns - 1] for k in range(columns)]
    signs = _BLOCKS if style.unicode else _SIMPLE
    low, high = min(known), max(known)
    if high == low:
        return signs[0] * len(known)
    return "".join(signs[round((value - low) / (high - low) * 7)] for value in known)


def frontier(values: Sequence[float | None], minimize: bool) -> list[float]:
    """The best value so far at each place, from the first one on that has a value."""
    found: list[float] = []
    for value in values:
        if value is not None and math.isfinite(value):
            better = not found or (value < found[-1] if minimize else value > found[-1])
            found.append(value if better else found[-1])
        elif found:
            found.append(found[-1])
    return found
