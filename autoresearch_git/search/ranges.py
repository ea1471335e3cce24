"""Ranges of knobs: from an `# ar:` comment, or derived from the name and the present value.

The grammar: `# ar: 1e-3..1.0 log`, `# ar: 4..24`, `# ar: a | b | c`, `# ar: fixed`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Value = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """Where a knob may go. `kind`: linear, log, power2, choice, or fixed (never turned)."""

    kind: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[Value, ...] = ()
    integer: bool = False

    def fit(self, value: Value) -> Range | None:
        """This declared range for a value of this type; None when they do not go together."""
        if self.kind == "choice":
            if isinstance(value, int | float) and any(isinstance(c, str) for c in self.choices):
                return None
            return self
        if isinstance(value, bool | str):
            return None
        if isinstance(value, int) and self.kind != "fixed":
            kind = "power2" if self.kind == "log" and is_power2(value) else self.kind
            if kind == "power2" and not (is_power2(self.low) and is_power2(self.high)):
                kind = "log"
            return Range(kind, self.low, self.high, integer=True)
        return self

    def clip(self, value: float) -> float:
        return min(max(value, self.low), self.high)


def is_power2(value: float) -> bool:
    return value >= 1 and value == int(value) and int(value) & (int(value) - 1) == 0


_NUMBER = r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?:\*\*\d+)?)"
_SPAN = re.compile(rf"{_NUMBER}\s*\.\.\s*{_NUMBER}\s*(log|linear)?\s*$")


def parse_comment(comment: str) -> Range | None:
    """The range that an `# ar:` comment declares, None without one; ValueError on nonsense."""
    match = re.search(r"#\s*ar:\s*(.*?)\s*(?:#.*|;.*)?$", comment)
    if match is None:
        return None
    body = match[1]
    if body == "fixed":
        return Range("fixed")
    if "|" in body:
        choices = tuple(_choice(part.strip()) for part in body.split("|") if part.strip())
        if len(set(choices)) < 2:
            raise ValueError(f"`# ar: {body}` names fewer than two choices")
        return Range("choice", choices=choices)
    span = _SPAN.match(body)
    if span is None:
        raise ValueError(f"`# ar: {body}` is neither low..high [log] nor a | b nor fixed")
    low, high = _number(span[1]), _number(span[2])
    if not low < high:
        raise ValueError(f"`# ar: {body}` has no room between its ends")
    if span[3] == "log" and low <= 0:
        raise ValueError(f"`# ar: {body}` is logarithmic but not positive")
    return Range(span[3] or "linear", low, high)


def _number(text: str) -> float:
    base, _, exponent = text.partition("**")
    return float(base) ** int(exponent) if exponent else float(base)


def _choice(text: str) -> Value:
    if text in ("True", "False"):
        return text == "True"
    try:
        number = float(text)
    except ValueError:
        return text.strip("\"'")
    return int(number) if re.fullmatch(r"[+-]?\d+", text) else number


# Constants that say what the run is, not how good it is.
_NEVER = {
    *("seed", "vocab", "version", "port", "path", "dir", "name", "url", "host", "resume"),
    *("budget", "timeout", "interval", "every", "max", "steps", "time", "timed", "workers"),
    *("log", "print", "debug", "verbose", "dtype", "eval", "bytes", "flops", "compile"),
}


def derive(name: str, value: Value) -> Range | None:
    """A range from the value alone; None for what is better left as it is."""
    words = set(re.split(r"_+", name.lower()))
    if name.startswith("__") or words & _NEVER or name.lower() == "device":
        return None
    if isinstance(value, bool):
        return Range("choice", choices=(False, True))
    if isinstance(value, str):
        return _pattern(value)
    if isinstance(value, int):
        return _integer(value)
    return _real(name, value)


def _pattern(value: str) -> Range | None:
    """A layer pattern of S(hort) and L(ong) windows: its usual relatives."""
    if not re.fullmatch(r"[SL]+", value):
        return None
    family = ("L", "SL", "SSL", "SSSL", "SSSSL", "SSLL", "LSSL", "SSSS")
    return Range("choice", choices=tuple(dict.fromkeys((value, *family))))


def _integer(value: int) -> Range | None:
    if value <= 0:
        return None
    if is_power2(value) and value >= 16:
        return Range("power2", max(1, value // 8), value * 8, integer=True)
    low, high = max(1, math.floor(value / 2)), max(value + 2, value * 2)
    return Range("log" if value >= 32 else "linear", low, high, integer=True)


def _real(name: str, value: float) -> Range | None:
    if value == 0:
        return Range("linear", 0.0, 0.3)
    if value < 0:
        return Range("linear", 2 * value, 0.0)
    if 0.5 <= value < 1 and re.search(r"beta|momentum|decay_rate|ema", name, re.IGNORECASE):
        return Range("linear", max(0.5, round(value - 0.2, 4)), round(value + (1 - value) * 0.9, 4))
    if value < 1 and re.search(r"ratio|frac|fraction|prob|dropout|share", name, re.IGNORECASE):
        return Range("linear", 0.0, min(1.0, max(0.3, value * 2)))
    return Range("log", value / 6, value * 6)
