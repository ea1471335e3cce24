"""A row of somebody's ledger: one result, as far as the ledger tells."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from autoresearch_git.errors import ArError

STATUSES = {
    **dict.fromkeys(("keep", "kept", "keeper", "baseline", "win", "accepted"), "keep"),
    **dict.fromkeys(("discard", "discarded", "revert", "reverted", "rejected", "lose"), "discard"),
    **dict.fromkeys(("crash", "crashed", "fail", "failed", "error", "timeout", "oom"), "crash"),
    **dict.fromkeys(("near-miss", "near_miss", "nearmiss"), "near-miss"),
    **dict.fromkeys(("invalid", "checks_failed"), "invalid"),
}
ROWS = 20_000  # of a ledger; they take half a minute to write
OLDEST = 1e9  # seconds since 1970, in 2001: less is a duration
_HEX = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True)
class Row:
    """One result. `status` is a verdict of ours; `value` is None for a crash."""

    number: int  # line of the file, from 1
    commit: str  # as written: a short hash, a word, or ""
    value: float | None
    status: str
    description: str
    metrics: dict[str, float] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # emitter, phase, hypothesis, time, ...
    line: str = ""  # as it stands in the file, for an export that is the same to the byte

    @property
    def hash(self) -> str:
        """The commit in lower case if it can be one, else ""."""
        text = self.commit.lower()
        return text if _HEX.fullmatch(text) else ""

    @property
    def is_baseline(self) -> bool:
        words = (self.commit.lower().strip("_"), self.description.lower().strip())
        return words[0] == "baseline" or words[1].startswith("baseline")


@dataclass(frozen=True)
class Refused:
    """A line that is no result, and why."""

    number: int
    reason: str
    line: str = ""


@dataclass(frozen=True)
class Ledger:
    """What a file said of one metric; a file with several segments gives several."""

    source: str
    rows: tuple[Row, ...]
    refused: tuple[Refused, ...] = ()
    metric: str = "val_bpb"
    minimize: bool = True
    head: str = ""  # what stood before the first row, as it was
    encoding: str = "utf-8"
    closed: bool = True  # whether the last line had an ending
    segment: int = 0


def finite(text: object) -> float | None:
    """The finite number that a cell holds, None if it is none."""
    if isinstance(text, bool) or not isinstance(text, int | float | str):
        return None
    try:
        value = float(text)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def seconds(found: object) -> float | None:
    """A time as seconds since 1970: some write those, some milliseconds, some an ISO date."""
    value = finite(found)
    if value is None and isinstance(found, str):
        try:
            when = datetime.fromisoformat(found.strip().replace("Z", "+00:00"))
        except ValueError:
            return None
        value = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
    if value is None or value < OLDEST:
        return None
    return value / 1000 if value > 1e11 else value


def few(lines: int, source: str) -> None:
    """Refuse a file that is no ledger of an autonomous loop, before any work on it."""
    if lines > ROWS + 1:  # a header may come before them
        about = f"{source} has {lines:,} lines: more than {ROWS:,} are not imported at once"
        raise ArError(about, f"import a part, for example: head -n {ROWS} FILE > part")


def checked(
    number: int,
    commit: str,
    value: object,
    status: object,
    description: str,
    metrics: dict[str, float],
    more: dict[str, Any] | None = None,
    line: str = "",
) -> Row | Refused:
    """A row, if its status is known and its value goes with it."""
    verdict = STATUSES.get(str(status).strip().lower())
    if verdict is None:
        return Refused(number, f"unknown status {str(status)[:30]!r}", line)
    measured = finite(value)
    if measured is None and verdict != "crash":
        return Refused(number, f"its value {str(value)[:30]!r} is no finite number", line)
    known = None if verdict == "crash" else measured
    return Row(number, commit.strip(), known, verdict, description, metrics, more or {}, line)
