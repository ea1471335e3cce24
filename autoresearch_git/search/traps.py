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


# What each structural move does to the value; half of them help, by 0.012 in all.
_EFFECTS = {
    "move:no-softcap": -0.004,
    "move:smaller-init": -0.003,
    "move:weight-decay": -0.003,
    "move:sharper-queries": -0.002,
    "move:rotary-base": 0.0005,
    "move:no-dropout": 0.001,
    "move:no-bias": 0.004,
    "move:no-nesterov": 0.008,
}
_PARTNERS = ("move:no-softcap", "move:smaller-init")


def _structure(setting: Setting) -> float:
    """Knobs and structural moves both help, and their effects add up."""
    return _bowl(setting) + sum(effect for name, effect in _EFFECTS.items() if setting[name])


def _partners(setting: Setting) -> float:
    """Two structural moves that each cost a little alone and gain 0.01 together; the rest hurt."""
    made = sum(bool(setting[name]) for name in _PARTNERS)
    others = sum(bool(setting[name]) for name in _EFFECTS if name not in _PARTNERS)
    return _bowl(setting) + {0: 0.0, 1: 0.0006, 2: -0.01}[made] + 0.003 * others


def _make(
    truth: Callable[[Setting], float | None], noise: float = 1.0, moves: bool = False
) -> Landscape:
    extra = _EFFECTS if moves else {}
    ranges = RANGES | dict.fromkeys(extra, Range("choice", choices=(False, True)))
    start = START | dict.fromkeys(extra, False)
    return Landscape(ranges, start, truth, lambda value: noise * SIGMA)


LANDSCAPES: dict[str, Landscape] = {
    "trap": _make(_trap),
    "pair": _make(_pair),
    "noisy": _make(_bowl, 2.0),
    "structure": _make(_structure, moves=True),
    "partners": _make(_partners, moves=True),
}
