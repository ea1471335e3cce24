"""The index: SQLite under the git directory, keyed by the trail's tip, rebuilt at any doubt.

It holds where each event stands, each experiment's fold with the columns that lists and rankings
need, and running counts, so that a question costs the same at 100 and at 100,000 runs.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from autoresearch_git.errors import ArError, BusyError
from autoresearch_git.history import Tally
from autoresearch_git.memory.tables import BARE, SCHEMA, SECONDARY, VERSION
from autoresearch_git.records import KEEPS, KINDS, Event, Experiment, Review, decode

FILE = f"index-{VERSION}.sqlite"  # two versions of git ar on one repository do not fight
_RANKED = (*KEEPS, "near-miss", "discard")  # a retest's value is no fair measure yet


class Index:
    """An open index. Writers hold the memory's lock; readers need none."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.source: Callable[[str], Event] | None = None  # reads an event from its trail commit
        self.db = sqlite3.connect(
            path,
            timeout=30,
            isolation_level=None,
            factory=_Connection,
            uri=isinstance(path, str),
        )
        try:
            # Lost pages mean a rebuild, never lost data.
            self.db.execute("PRAGMA synchronous = OFF")
            if not self.meta("version"):
                self._create()
        except BaseException:
            self.db.close()
            raise

    @classmethod
    def open(cls, path: Path) -> Index:
        """The index at a path; an unreadable one is dropped, an unwritable one kept in RAM.

        Nothing else may open the file: closing it would drop SQLite's locks in this process.
        """
        try:
            path.parent.mkdir(exist_ok=True)
            return cls(path)
        except IndexDamagedError:
            pass
        except sqlite3.OperationalError as error:
            if any(word in str(error) for word in ("readonly", "unable to open", "full")):
                return cls._unwritable(path)
            if "locked" in str(error):
                raise BusyError("the index stays locked", "try again in a minute") from None
        except OSError:
            return cls._unwritable(path)
        drop(path)
        return cls(path)

    @classmethod
    def _unwritable(cls, path: Path) -> Index:
        """As it is on a disk that we cannot write to, or an empty one in RAM."""
        if path.is_file() and not path.with_name(path.name + "-wal").exists():
            with contextlib.suppress(sqlite3.Error, ArError):
                return cls(f"file:{path}?immutable=1")
        return cls(":memory:")

    @property
    def writable(self) -> bool:
        """False for one that is kept in RAM, or opened as it is."""
        return isinstance(self.path, Path)

    def close(self) -> None:
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error, ArError):
                self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def reset(self) -> None:
        """Forget everything, in place: other processes may have it open."""
        with self.transaction():
            for table in ("meta", "events", "experiments", "tallies", "kept", "branches"):
                self.db.execute(f"DELETE FROM {table}")
            self.set_meta("version", str(VERSION))

    # What it knows of itself

    def meta(self, key: str) -> str:
        try:
            row = self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return ""
            raise
        return row[0] if row else ""

    def set_meta(self, key: str, value: str) -> None:
        self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # Asking

    def experiment(self, oid: str) -> Experiment | None:
        row = self.db.execute(
            "SELECT record FROM experiments WHERE oid = ? AND latest = 1", (oid,)
        ).fetchone()
        return decode(row[0], Experiment) if row else None

    def select(self, where: str, *values: object) -> list[Experiment]:
        """Experiments by an SQL condition over the table `experiments`, one for each class."""
        rows = self.db.execute(f"SELECT record FROM experiments WHERE {where}", values)
        return [decode(row[0], Experiment) for row in rows]

    def oldest_first(self, last: int | None = None) -> Iterator[Experiment]:
        """All experiments, or the last so many, in the order in which they were proposed."""
        query = "SELECT record, seq, oid FROM experiments WHERE latest = 1"
        query += " ORDER BY seq DESC, oid DESC LIMIT ?"
        rows = f"SELECT record FROM ({query}) ORDER BY seq, oid"
        if last is None:  # by the index, without sorting everything first
            rows = "SELECT record FROM experiments WHERE latest = 1 ORDER BY seq, oid"
        for row in self.db.execute(rows, () if last is None else (last,)):
            yield decode(row[0], Experiment)

    def tallies(self, klass: str, what: str) -> dict[str, Tally]:
        """Counts of a class by `what`: emitter, category, niche, signature or verdict."""
        query = "SELECT name, tries, wins, crashes, millis FROM tallies WHERE class=? AND what=?"
        rows = self.db.execute(query + " AND tries > 0 ORDER BY name", (klass, what))
        return {
            name: Tally(tries=tries, wins=wins, crashes=crashes, seconds=millis / 1000)
            for name, tries, wins, crashes, millis in rows
        }

    def events(self, kind: str, limit: int = 100) -> list[Event]:
        """The last events of a kind, oldest first."""
        if kind not in KINDS:
            return []
        # The kind is spelled out so that the partial index of remarks can serve it.
        where = f"kind = '{kind}' ORDER BY seq DESC, id DESC LIMIT ?"
        return self._events(where, limit)[::-1]

    def events_of(self, oid: str, kind: str) -> list[Event]:
        """An experiment's events of a kind, in order."""
        return self._events("experiment = ? AND kind = ? ORDER BY seq, id, oid", oid, kind)

    def trail_of(self, oid: str) -> list[tuple[str, str, str]]:
        """(trail commit, kind, event id) of an experiment's events, in order."""
        query = "SELECT oid, kind, id FROM events WHERE experiment = ? ORDER BY seq, id, oid"
        return self.db.execute(query, (oid,)).fetchall()

    def branches(self) -> dict[str, str]:
        """Each research branch of the trail, and where its last keep put it."""
        return dict(self.db.execute("SELECT ref, tip FROM branches ORDER BY ref"))

    def kept_as(self, tip: str) -> str:
        """The experiment that a commit of the research branch took the files of, "" if none."""
        query = "SELECT experiment FROM kept WHERE tip = ? ORDER BY experiment LIMIT 1"
        row = self.db.execute(query, (tip,)).fetchone()
        return row[0] if row else ""

    def kept_of(self, oid: str) -> list[str]:
        """The commits of research branches that took the files of an experiment."""
        query = "SELECT tip FROM kept WHERE experiment = ? ORDER BY tip"
        return [row[0] for row in self.db.execute(query, (oid,))]

    def is_experiment(self, oid: str) -> bool:
        query = "SELECT 1 FROM experiments WHERE oid = ?"
        return self.db.execute(query, (oid,)).fetchone() is not None

    def near(self, prefix: str, limit: int = 2) -> list[str]:
        """Experiments whose oid starts with these hex digits."""
        query = "SELECT DISTINCT oid FROM experiments WHERE oid >= ? AND oid < ? LIMIT ?"
        return [row[0] for row in self.db.execute(query, (prefix, prefix + "g", limit))]

    def _events(self, where: str, *values: object) -> list[Event]:
        rows = self.db.execute(f"SELECT line, oid FROM events WHERE {where}", values).fetchall()
        return [decode(line, Event) if line else self.read(oid) for line, oid in rows]

    def read(self, oid: str) -> Event:
        """An event that is kept on the trail only."""
        if not self.source:
            raise ArError("this index was opened without its trail")
        return self.source(oid)

    def _create(self) -> None:
        self.db.execute("PRAGMA journal_mode = WAL")
        with self.transaction():
            if self.meta("version"):
                return  # another process was quicker
            for statement in (*BARE, *SCHEMA, *SECONDARY):
                self.db.execute(statement)
            self.set_meta("version", str(VERSION))


class IndexDamagedError(ArError):
    """The index cannot be read. It was dropped, and is rebuilt from the trail when next opened."""


class _Connection(sqlite3.Connection):
    """Turns SQLite's finding that the file is damaged into the drop of that file."""

    def execute(self, *args: object) -> sqlite3.Cursor:
        try:
            return super().execute(*args)  # type: ignore[arg-type]
        except sqlite3.DatabaseError as error:
            if "malformed" not in str(error) and "not a database" not in str(error):
                raise
        path = super().execute("PRAGMA database_list").fetchone()[2]
        if path:
            drop(Path(path))
        raise IndexDamagedError(
            "the index was damaged; it was dropped, no event is lost", "run the command again"
        )


def drop(path: Path) -> None:
    """Remove an index that nothing can be read from."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def loss(experiment: Experiment) -> float | None:
    """What ranks an experiment among others of its class, lower is better; None if it cannot be."""
    if not experiment.review or experiment.verdict not in _RANKED:
        return None
    return rank(experiment.review)


def rank(review: Review) -> float | None:
    """The rank of a reviewed value: the middle of its interval, lower is better.

    So one lucky run ranks behind what several runs confirm.
    """
    if review.value is None:
        return None
    middle = review.value
    if review.low is not None and review.high is not None:
        middle = (review.low + review.high) / 2
    return middle if review.minimize else -middle
