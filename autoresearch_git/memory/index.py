"""The index: SQLite under the git directory, keyed by the trail's tip, rebuilt at any doubt.

It holds each event's line, each experiment's fold with the columns that lists and rankings need,
and running counts, so that a question costs the same at 100 and at 100,000 runs.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from autoresearch_git.history import Tally
from autoresearch_git.records import Event, Experiment, Review, decode, encode, fold

VERSION = 1
_CRASHES = ("crash", "invalid")
_RANKED = ("keep", "keep-unconfirmed", "near-miss", "retest", "discard")
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE events (oid TEXT PRIMARY KEY, experiment TEXT, seq INTEGER, id TEXT, kind TEXT,
                     line BLOB) WITHOUT ROWID;
CREATE INDEX events_of ON events (experiment, seq, id);
CREATE TABLE experiments (
    oid TEXT PRIMARY KEY, seq INTEGER, tree TEXT, contract TEXT, class TEXT, emitter TEXT,
    niche TEXT, verdict TEXT, loss REAL, runs INTEGER, decided INTEGER, record BLOB) WITHOUT ROWID;
CREATE INDEX by_seq ON experiments (seq);
CREATE INDEX by_class ON experiments (class, seq);
CREATE INDEX by_tree ON experiments (tree);
CREATE INDEX by_rank ON experiments (class, niche, loss, oid) WHERE loss IS NOT NULL;
CREATE INDEX by_contract ON experiments (contract, seq);
CREATE INDEX by_loss ON experiments (class, loss, oid) WHERE loss IS NOT NULL;
CREATE INDEX by_verdict ON experiments (class, verdict, seq);
CREATE INDEX close_ones ON experiments (class, niche, loss, oid) WHERE verdict = 'near-miss';
CREATE INDEX open_ones ON experiments (contract, seq) WHERE decided = 0;
CREATE INDEX repeated ON experiments (class, seq) WHERE runs > 1;
CREATE TABLE tallies (class TEXT, what TEXT, name TEXT, tries INTEGER, wins INTEGER,
                      crashes INTEGER, seconds REAL, PRIMARY KEY (class, what, name)) WITHOUT ROWID;
"""


class Line(NamedTuple):
    """An event as the index takes it in: its trail commit, and its JSON line."""

    oid: str
    event: Event
    line: bytes


class Index:
    """An open index. Writers hold the memory's lock; readers need none."""

    def __init__(self, path: Path | str) -> None:
        self.path = path
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")  # lost pages mean a rebuild, never lost data
        if not self.meta("version"):
            self._create()

    @classmethod
    def open(cls, path: Path) -> Index:
        """The index at a path; an unreadable one is dropped, an unwritable one kept in RAM."""
        try:
            path.parent.mkdir(exist_ok=True)
            index = cls(path)
            if index.meta("version") == str(VERSION):
                return index
            index.close()
        except sqlite3.OperationalError as error:
            if "readonly" in str(error) or "unable to open" in str(error):
                return cls(":memory:")
        except sqlite3.DatabaseError:
            pass
        except OSError:
            return cls(":memory:")
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return cls(path)

    def close(self) -> None:
        self.db.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

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

    # Taking in

    def add(self, lines: Iterable[Line]) -> dict[str, tuple[Experiment | None, Experiment]]:
        """Take in events (inside a transaction); what each touched experiment was, and is now."""
        touched = set()
        for oid, event, line in lines:
            row = (oid, event.commit, event.seq, event.id, event.kind, line)
            new = self.db.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)", row)
            if new.rowcount and event.commit and event.kind:
                touched.add(event.commit)
        changed = {}
        for oid, after in self._folds(touched):
            before = self.experiment(oid)
            self._replace(before, after)
            changed[oid] = (before, after)
        return changed

    def _folds(self, oids: set[str]) -> Iterator[tuple[str, Experiment]]:
        query = "SELECT experiment, line FROM events WHERE kind <> ''"
        order = " ORDER BY experiment, seq, id"
        if len(oids) > 500:  # one pass over everything beats many look-ups
            rows = self.db.execute(query + " AND experiment <> ''" + order).fetchall()
        else:
            marks = ",".join("?" * len(oids))
            where = f" AND experiment IN ({marks})"
            rows = self.db.execute(query + where + order, tuple(oids)).fetchall()
        for oid, group in groupby(rows, key=lambda row: row[0]):
            if oid in oids:
                experiment = None
                for _, line in group:
                    experiment = fold(experiment, decode(line, Event))
                assert experiment is not None
                yield oid, experiment

    def _replace(self, before: Experiment | None, after: Experiment) -> None:
        plan, review, verdict = after.plan, after.review, after.verdict
        row = (
            after.commit,
            after.seq,
            after.tree,
            after.contract,
            after.klass,
            plan.emitter if plan else "",
            review.niche if review else "",
            verdict,
            loss(after),
            len(after.runs),
            int(after.decision is not None),
            encode(after),
        )
        marks = ",".join("?" * len(row))
        self.db.execute(f"INSERT OR REPLACE INTO experiments VALUES ({marks})", row)
        for sign, experiment in ((-1, before), (1, after)):
            if experiment:
                self._tally(sign, experiment)

    def _tally(self, sign: int, experiment: Experiment) -> None:
        update = (
            "INSERT INTO tallies VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
            "tries = tries + excluded.tries, wins = wins + excluded.wins, "
            "crashes = crashes + excluded.crashes, seconds = seconds + excluded.seconds"
        )
        decision = experiment.decision
        won = decision and (decision.entered or decision.verdict.startswith("keep"))
        counts = (
            sign,
            sign * int(bool(won)),
            sign * int(experiment.verdict in _CRASHES),
            sign * sum(run.seconds for run in experiment.runs if not run.cached),
        )
        for what, name in _dimensions(experiment):
            self.db.execute(update, (experiment.klass, what, name, *counts))

    # Asking

    def experiment(self, oid: str) -> Experiment | None:
        row = self.db.execute("SELECT record FROM experiments WHERE oid = ?", (oid,)).fetchone()
        return decode(row[0], Experiment) if row else None

    def select(self, where: str, *values: object) -> list[Experiment]:
        """Experiments by an SQL condition over the columns of the table `experiments`."""
        rows = self.db.execute(f"SELECT record FROM experiments WHERE {where}", values)
        return [decode(row[0], Experiment) for row in rows]

    def oldest_first(self, last: int | None = None) -> Iterator[Experiment]:
        """All experiments, or the last so many, in the order in which they were proposed."""
        query = "SELECT record, seq, oid FROM experiments ORDER BY seq DESC, oid DESC LIMIT ?"
        rows = f"SELECT record FROM ({query}) ORDER BY seq, oid"
        for row in self.db.execute(rows, (-1 if last is None else last,)):
            yield decode(row[0], Experiment)

    def tallies(self, klass: str, what: str) -> dict[str, Tally]:
        """Counts of a class by `what`: emitter, category, niche, signature or verdict."""
        query = "SELECT name, tries, wins, crashes, seconds FROM tallies WHERE class=? AND what=?"
        rows = self.db.execute(query + " AND tries > 0 ORDER BY name", (klass, what))
        return {
            name: Tally(tries=tries, wins=wins, crashes=crashes, seconds=seconds)
            for name, tries, wins, crashes, seconds in rows
        }

    def events(self, kind: str, limit: int = 100) -> list[Event]:
        """The last events of a kind, oldest first."""
        query = "SELECT line FROM events WHERE kind = ? ORDER BY seq DESC, id DESC LIMIT ?"
        rows = self.db.execute(query, (kind, limit)).fetchall()
        return [decode(row[0], Event) for row in reversed(rows)]

    def events_of(self, oid: str, kind: str) -> list[Event]:
        """An experiment's events of a kind, in order."""
        query = "SELECT line FROM events WHERE experiment = ? AND kind = ? ORDER BY seq, id"
        return [decode(row[0], Event) for row in self.db.execute(query, (oid, kind))]

    def trail_of(self, oid: str) -> list[tuple[str, str, str]]:
        """(trail commit, kind, event id) of an experiment's events, in order."""
        query = "SELECT oid, kind, id FROM events WHERE experiment = ? ORDER BY seq, id"
        return self.db.execute(query, (oid,)).fetchall()

    def _create(self) -> None:
        with self.transaction():
            if self.meta("version"):
                return  # another process was quicker
            for statement in _SCHEMA.split(";\n"):
                self.db.execute(statement)
            self.set_meta("version", str(VERSION))


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


def _dimensions(experiment: Experiment) -> list[tuple[str, str]]:
    """The (what, name) pairs under which an experiment is counted."""
    found = [("verdict", experiment.verdict)]
    if not experiment.decision:
        return found
    if experiment.plan:
        found.append(("emitter", experiment.plan.emitter))
    if experiment.review:
        found.append(("category", experiment.review.category))
        found.append(("niche", experiment.review.niche))
        if experiment.review.signature:
            found.append(("signature", experiment.review.signature))
    return [(what, name) for what, name in found if name]
