"""Progress lines of a training run: generous about their layout, strict about their numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

BUCKETS = 32  # points of a stored loss curve
LONGEST = 1000  # bytes; no progress line is longer

NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
SHARE = re.compile(rb"(?<![\w.+-])(\d{1,3}(?:\.\d+)?) ?%")
STEPS = re.compile(rb"\b(?:step|iter(?:ation)?|batch)\s*[:=]?\s*(\d+)\s*/\s*(\d+)", re.I)
LOSS = re.compile(
    rb"(?<![\w])(?:\w+[ _/])?loss\s*[:=]?\s*(" + NUMBER + rb"|nan|[+-]?inf)(?![\w.])", re.I
)
SPEED = re.compile(
    rb"\btok(?:ens)?/s(?:ec)?\s*[:=]?\s*(\d[\d,]*(?:\.\d+)?)([kKM]?)(?![\w.])"
    rb"|(?<![\w.])(\d[\d,]*(?:\.\d+)?)\s*([kKM]?)\s*tok(?:ens)?/s",
    re.I,
)
MFU = re.compile(rb"\bmfu\s*[:=]?\s*(\d{1,3}(?:\.\d+)?) ?(%?)", re.I)
LEFT = re.compile(rb"\b(?:remaining|eta|left)\s*[:=]?\s*(\d+(?:\.\d+)?)\s*(m?)", re.I)


@dataclass(frozen=True)
class Progress:
    """What one progress line says; None where it says nothing."""

    share: float | None = None  # of the budget, 0 to 1
    loss: float | None = None  # may be NaN or infinite
    speed: float | None = None  # tokens a second
    mfu: float | None = None  # model FLOP/s utilization, 0 to 1
    left: float | None = None  # seconds


def progress(line: bytes) -> Progress | None:
    """The numbers of one progress line, None if it holds neither a share nor a loss."""
    line = COLOUR.sub(b"", line[:LONGEST])
    share, loss = _share(line), LOSS.search(line)
    if share is None and loss is None:
        return None
    mfu, left = MFU.search(line), LEFT.search(line)
    return Progress(
        share=share,
        loss=float(loss[1]) if loss else None,
        speed=_speed(line),
        mfu=float(mfu[1]) / (100 if mfu[2] or float(mfu[1]) > 1.5 else 1) if mfu else None,
        left=float(left[1]) * (60 if left[2] else 1) if left else None,
    )


def _share(line: bytes) -> float | None:
    for found in SHARE.finditer(line):
        label = line[max(0, found.start() - 12) : found.start()].lower()
        if not any(word in label for word in (b"mfu", b"util", b"mem", b"acc")):
            share = float(found[1]) / 100
            return share if share <= 1 else None
    steps = STEPS.search(line)
    if steps and 0 < int(steps[2]) >= int(steps[1]):
        return int(steps[1]) / int(steps[2])
    return None


def _speed(line: bytes) -> float | None:
    found = SPEED.search(line)
    if not found:
        return None
    digits, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    return float(digits.replace(b",", b"")) * {b"": 1, b"K": 1e3, b"M": 1e6}[unit.upper()]


@dataclass
class Curve:
    """Collects a loss curve in BUCKETS points of (share of the budget, loss)."""

    points: dict[int, tuple[float, float]] = field(default_factory=dict)
    last: Progress | None = None

    def add(self, line: bytes) -> None:
        """Take the line's share and loss, if it has both; the latest in each bucket stays."""
        seen = progress(line)
        if seen is None or seen.loss is None:
            return
        self.last = seen
        if seen.share is not None and math.isfinite(seen.loss):
            bucket = min(BUCKETS - 1, int(seen.share * BUCKETS))
            self.points[bucket] = (round(seen.share, 4), seen.loss)

    def sorted(self) -> tuple[tuple[float, float], ...]:
        return tuple(self.points[bucket] for bucket in sorted(self.points))
