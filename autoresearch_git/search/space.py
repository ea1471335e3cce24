"""Knobs as numbers: each value to a coordinate in [0, 1] and back to source text."""

from __future__ import annotations

import ast
import math
import random
import re
from functools import lru_cache

from autoresearch_git.search.knobs import Knob, Value, evaluate
from autoresearch_git.search.ranges import Range, is_power2

_AREAS = (
    ("schedule", r"warm|cooldown|sched|final_lr|lr_frac|anneal|momentum_steps"),
    ("optimizer", r"lr$|_lr|lr_|learning_rate|beta|momentum|decay|eps|muon|adam|clip|nesterov|wd$"),
    ("batch", r"batch|accum"),
    ("regularization", r"dropout|smooth|drop"),
    ("initialization", r"init"),
    ("architecture", r""),
)


def area(name: str) -> str:
    """The part of the training recipe that a knob's name speaks of."""
    return next(key for key, words in _AREAS if re.search(words, name, re.IGNORECASE))


@lru_cache(maxsize=4096)
def parse(source: str) -> Value | None:
    """The value of a knob's source text; None when it is no literal."""
    try:
        return evaluate(ast.parse(source, mode="eval").body)
    except (SyntaxError, ValueError):
        return None


def to_unit(limits: Range, value: Value) -> float:
    """Where the value lies in its range, 0 to 1; the index share for a choice."""
    if limits.kind == "choice":
        where = limits.choices.index(value) if value in limits.choices else 0
        return where / max(1, len(limits.choices) - 1)
    number = limits.clip(float(value))
    if limits.kind == "linear":
        return (number - limits.low) / (limits.high - limits.low)
    low, high = math.log(limits.low), math.log(limits.high)
    return (math.log(number) - low) / (high - low)


def from_unit(limits: Range, unit: float) -> Value:
    """The value at a coordinate, rounded to what the kind allows (three digits for a float)."""
    unit = min(max(unit, 0.0), 1.0)
    if limits.kind == "choice":
        return limits.choices[round(unit * (len(limits.choices) - 1))]
    if limits.kind == "linear":
        number = limits.low + unit * (limits.high - limits.low)
    else:
        low, high = math.log(limits.low), math.log(limits.high)
        number = math.exp(low + unit * (high - low))
    if limits.kind == "power2":
        return 1 << round(math.log2(number))
    if limits.integer:
        return round(limits.clip(round(number)))
    return limits.clip(_round(number, limits.high - limits.low))


def _round(number: float, span: float) -> float:
    """Three significant digits, and nothing finer than a thousandth of the range near zero."""
    if number == 0:
        return 0.0
    digits = 2 - math.floor(math.log10(max(abs(number), span * 1e-3)))
    return round(number, digits)


def values(limits: Range) -> int:
    """How many distinct values the range has; 0 when it is continuous."""
    if limits.kind == "choice":
        return len(limits.choices)
    if limits.kind == "power2":
        return round(math.log2(limits.high / limits.low)) + 1
    return round(limits.high - limits.low) + 1 if limits.integer else 0


def source(knob: Knob, value: Value) -> str:
    """The value as Python source in the style of the knob's present text."""
    if isinstance(value, str):
        quote = "'" if knob.source.startswith("'") else '"'
        return f"{quote}{value}{quote}"
    if isinstance(value, int) and not isinstance(value, bool):
        if "**" in knob.source and is_power2(value):
            return f"2**{value.bit_length() - 1}"
        return f"{value:_}" if "_" in knob.source else str(value)
    return repr(value)


def step(knob: Knob, size: float, rng: random.Random) -> str:
    """A random move of about `size` of the range away from the present value, as source text."""
    limits = knob.range
    if limits.kind == "choice":
        others = [choice for choice in limits.choices if choice != knob.value]
        return source(knob, rng.choice(others))
    unit, count = to_unit(limits, knob.value), values(limits)
    least = 1 / (count - 1) if count > 1 else 0.02
    move = max(least, abs(rng.gauss(0, size))) * rng.choice((-1, 1))
    if not 0 <= unit + move <= 1:
        move = -move
    return source(knob, from_unit(limits, unit + move))
