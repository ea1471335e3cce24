"""Reads a run's log: the metric from the final summary block, the loss curve, the end.

The value counts only if it is the program's own last output: a line `---`, then `name: value`
lines, then nothing. A program that never prints `---` may end in plain `name: value` lines. The
log is untrusted and may be of any size; memory stays at a few chunks whatever it holds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from autoresearch_git.clean import clean, clean_lines
from autoresearch_git.review.progress import COLOUR, LONGEST, NUMBER, Curve, Progress

CHUNK = 1 << 20  # bytes read at a time
WINDOW = 1 << 16  # bytes at the end in which the summary and the traceback are looked for
MOST = 64  # lines of a summary that are read

FIELD = re.compile(rb"([A-Za-z_][\w./%-]{0,63})[ \t]*[:=][ \t]*(.*)")
STRICT = re.compile(NUMBER)
NOT_FINITE = re.compile(rb"[+-]?(?:nan|inf(?:inity)?)", re.I)
TRACEBACK = b"Traceback (most recent call last):"
# What interpreters and torch print while they shut down, after the program's own last line.
SHUTDOWN = re.compile(
    rb"(?:\[rank\d+\]:)?\[?[WI]\d{4,} |\S+\.py:\d+: \w*Warning: |\s+warnings\.warn\(", re.I
)


@dataclass(frozen=True)
class LogSummary:
    """What a log says. `value` is None whenever `trouble` says why."""

    value: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)  # of the block, without the metric
    curve: tuple[tuple[float, float], ...] = ()  # (share of the budget, loss)
    tail: str = ""  # the last 4 kB as clean text
    trouble: str = ""  # why there is no value
    trace: str = ""  # from the last traceback on, as clean text
    last: Progress | None = None  # the newest progress line with a loss
    mentions: int = 0  # lines of the whole log that begin with the metric's name
    size: int = 0  # bytes


def read_log(stream: BinaryIO, metric: str) -> LogSummary:
    """Read a log to its end in constant memory; never raises on what it holds."""
    name = metric.encode()
    curve, window, overlap = Curve(), b"", b"\n"
    size = mentions = 0
    ruled = False
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        window = chunk[-WINDOW:] if len(chunk) >= WINDOW else (window + chunk)[-WINDOW:]
        joined = overlap + chunk
        fresh = joined[max(0, len(overlap) - len(name) - 1) :]  # one byte less than the pattern
        mentions += fresh.count(b"\n" + name + b":")
        ruled = ruled or b"\n---" in joined
        _sample(joined, size, curve)
        overlap = joined[-LONGEST:]
    value, metrics, trouble = _summary(window, name, ruled)
    start = window.rfind(TRACEBACK)
    return LogSummary(
        value=value,
        metrics=metrics,
        curve=curve.sorted(),
        tail=clean_lines(window),
        trouble=trouble,
        trace=clean_lines(window[start:], limit=WINDOW) if start >= 0 else "",
        last=curve.last,
        mentions=mentions,
        size=size,
    )


def _sample(data: bytes, size: int, curve: Curve) -> None:
    """Feed the curve from lines with a percent sign; the sparser, the larger the log is."""
    stride = size // 2048  # all lines of a normal log, about 20,000 of 2 GB
    at = data.find(b"%")
    while at >= 0:
        low, high = max(0, at - LONGEST), at + LONGEST
        start = max(data.rfind(b"\r", low, at), data.rfind(b"\n", low, at), low)
        ends = [data.find(b"\r", at, high), data.find(b"\n", at, high)]
        end = min((end for end in ends if end >= 0), default=high)
        if end < high:  # else the line goes on in the next chunk, or is too long
            curve.add(data[start:end])
        at = data.find(b"%", max(end, start + stride))


def _summary(window: bytes, name: bytes, ruled: bool) -> tuple[float | None, dict[str, float], str]:
    """(value, other metrics, trouble) of the block that ends the log."""
    whole = window.endswith((b"\n", b"\r"))
    lines = [COLOUR.sub(b"", line) for line in re.split(rb"[\r\n]+", window)]
    lines = [line for line in lines if line.strip()]
    if not lines:
        return None, {}, "the log is empty"
    block = _ruled_block(lines) if ruled else _plain_block(lines)
    if block is None:
        return None, {}, "no summary block at the end of the log"
    fields: dict[bytes, bytes] = {}
    for line in block[:MOST]:
        found = FIELD.fullmatch(line.rstrip())
        if not found:
            return None, {}, f"the summary is not the last output: {_show(line)}"
        if found[1] in fields:
            return None, {}, f"{_show(found[1])} is printed twice in the summary"
        fields[found[1]] = found[2]
    if len(block) > MOST:
        return None, {}, f"more than {MOST} lines after the last ---"
    if not whole and block and block[-1] == lines[-1]:
        return None, {}, f"the log breaks off in the line {_show(lines[-1])}"
    return _values(fields, name)


def _ruled_block(lines: list[bytes]) -> list[bytes] | None:
    """The lines after the last `---`, less what an interpreter prints when it shuts down."""
    rules = [number for number, line in enumerate(lines) if line.strip() == b"---"]
    if not rules:
        return None
    return [line for line in lines[rules[-1] + 1 :] if not SHUTDOWN.match(line)]


def _plain_block(lines: list[bytes]) -> list[bytes] | None:
    """The unbroken run of `name: value` lines that ends a log without any `---`."""
    lines = [line for line in lines if not SHUTDOWN.match(line)]
    first = len(lines)
    while first and FIELD.fullmatch(lines[first - 1].rstrip()):
        first -= 1
    if first and lines[first - 1][:1].isspace():
        return None  # the last lines of a traceback look like fields too
    return lines[first:] or None


def _values(fields: dict[bytes, bytes], name: bytes) -> tuple[float | None, dict[str, float], str]:
    numbers = {key: _number(text) for key, text in fields.items()}
    metrics = {
        key.decode("ascii", "replace"): number
        for key, number in numbers.items()
        if number is not None and key != name
    }
    if name not in fields:
        return None, metrics, f"the summary has no {_show(name)}"
    text = fields[name].strip()
    if numbers[name] is not None:
        return numbers[name], metrics, ""
    if not text:
        return None, metrics, f"{_show(name)} is empty"
    if NOT_FINITE.fullmatch(text) or STRICT.fullmatch(text):
        return None, metrics, f"{_show(name)} is not finite: {_show(text)}"
    return None, metrics, f"{_show(name)} is not a number: {_show(text)}"


def _number(text: bytes) -> float | None:
    """A finite decimal number, or None. No underscores, no hex, no commas, ASCII digits only."""
    found = STRICT.fullmatch(text.strip())
    if not found:
        return None
    number = float(found[0])
    return number if math.isfinite(number) else None


def _show(text: bytes) -> str:
    return clean(text[:400].decode("utf-8", "replace"), 80)
