"""Synthetic landscapes that punish a naive search; values like bits per byte, lower is better."""

from __future__ import annotations

from collections.abc import Callable

from autoresearch_git.search import space
from autoresearch_git.search.landscape import Landscape, Setting
from autoresearch_git.search.ranges import Range

SIGMA = 0.0003
_UNIT = Range("linear", 0.0, 1.0)
RANGES: dict[str, Range] = {
    name: _UNIT
    for name in (
        *("MATRIX_LR", "EMBED_LR", "BETA1", "DECAY"),  # optimizer
        *("WARMUP", "WARMDOWN", "FINAL_LR", "COOLDOWN_POWER"),  # schedule
        *("WIDTH", "HEADS", "WINDOW", "GATES"),  # architecture
    )
}
START = dict.fromkeys(RANGES, 0.5)
_GOAL = {"MATRIX_LR": 0.2, "EMBED_LR": 0.8, "DECAY": 0.3, "WARMUP": 0.1, "WARMDOWN": 0.9}


def _bowl(setting: Setting) -> float:
    """A bowl 0.03 deep around _GOAL in five knobs; the others do nothing here."""
    away = sum((float(setting[name]) - goal) ** 2 for name, goal in _GOAL.items())
    return 0.97 + 0.06 * away


def _trap(setting: Setting) -> float | None:
    """Architecture looks open but only hurts, and crashes half way."""
    off = [abs(float(setting[n]) - 0.5) for n in RANGES if space.area(n) == "architecture"]
    return None if max(off) > 0.3 else _bowl(setting) + 0.02 * sum(x > 0.02 for x in off)


def _pair(setting: Setting) -> float | None:
    """Two changes that each cost a little alone and gain 0.01 together."""
    one, two = float(setting["WIDTH"]) > 0.65, float(setting["WARMDOWN"]) > 0.65
    flat = {**setting, "WARMDOWN": _GOAL["WARMDOWN"]}
    return _bowl(flat) + {0: 0.0, 1: 0.0006, 2: -0.01}[one + two]


def _make(truth: Callable[[Setting], float | None], noise: float) -> Landscape:
    return Landscape(RANGES, START, truth, lambda value: noise * SIGMA)


LANDSCAPES: dict[str, Landscape] = {
    "trap": _make(_trap, 1.0),
    "pair": _make(_pair, 1.0),
    "noisy": _make(_bowl, 2.0),
}
