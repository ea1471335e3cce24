"""Which experiments a listing is about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from itertools import islice

from autoresearch_git.errors import ArError
from autoresearch_git.look.numbers import when
from autoresearch_git.look.query import newest_first
from autoresearch_git.memory.index import Index
from autoresearch_git.records import Experiment

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


@dataclass(frozen=True)
class Filter:
    """Conditions that all have to hold; "" and None are no condition."""

    emitter: str = ""
    category: str = ""
    status: str = ""
    niche: str = ""
    klass: str = ""
    since: float | None = None

    def newest(self, index: Index, number: int | None = None) -> Iterator[Experiment]:
        """What meets the conditions, the newest first."""
        columns = {
            "emitter = ?": self.emitter,
            "verdict = ?": self.status,
            "niche GLOB ?": self.niche,
        }
        used = {text: value for text, value in columns.items() if value}
        where = " AND ".join(used) or "1"
        found = newest_first(index, where, tuple(used.values()), self.klass)
        return islice((each for each in found if self._holds(each)), number)

    def known_niche(self, index: Index) -> bool:
        """Whether any experiment is in the niche, whatever the other conditions."""
        return any(fnmatchcase(niche, self.niche) for niche in niches(index))

    def _holds(self, each: Experiment) -> bool:
        category = each.review.category if each.review else ""
        if self.category and category != self.category:
            return False
        return self.since is None or when(each) >= self.since


def niches(index: Index) -> list[str]:
    """All niches that were reached, of any class."""
    rows = index.db.execute("SELECT DISTINCT name FROM tallies WHERE what = 'niche' ORDER BY name")
    return [str(name) for (name,) in rows]


def moment(text: str, now: float | None = None) -> float:
    """A time in the past, as an age (90m, 2h, 3d, 1w) or a date (2026-03-08, with T12:30)."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.replace(".", "", 1).isdigit():
        return (time.time() if now is None else now) - float(number) * _UNITS[unit]
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ArError(f"{text!r} is no time", "write 90m, 2h, 3d, 1w or 2026-03-08") from None
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
