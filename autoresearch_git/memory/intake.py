"""Taking events into the index: in chunks, so that a cold start needs little memory.

Events mostly come in their own order, and then an experiment's new fold is its old one and the
new events. A merge may bring older ones: then all of its events are read from the trail again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from autoresearch_git.memory.index import Index, loss
from autoresearch_git.memory.tables import SECONDARY
from autoresearch_git.records import (
    KEEPS,
    Decision,
    Event,
    Experiment,
    classes,
    decode,
    encode,
    fold,
    within,
)

CHUNK = 4000  # events
_KEPT_LINES = ("start", "remark")  # asked for by kind; other lines are read from the trail
_CRASHES = ("crash", "invalid")

Cell = tuple[str, str]  # (class, niche)
Key = tuple[int, str, str]  # (seq, id, trail commit): the order of events in every clone


class Line(NamedTuple):
    """An event as the index takes it in: its trail commit, and its JSON line."""

    oid: str
    event: Event
    line: bytes


@dataclass
class Changes:
    """What an intake touched."""

    experiments: set[str] = field(default_factory=set)
    cells: set[Cell] = field(default_factory=set)
    moves: list[Decision] = field(default_factory=list)  # those that moved a branch, in order
    verdicts: set[str] = field(default_factory=set)


def add(index: Index, lines: Iterable[Line], *, cold: bool = False) -> Changes:
    """Take in events, oldest first, inside a transaction; `cold` if the index is empty."""
    changes = Changes()
    if cold:  # an index is built faster at the end
        for statement in SECONDARY:
            index.db.execute(f"DROP INDEX {statement.split()[2]}")
    rest = iter(lines)
    while chunk := list(islice(rest, CHUNK)):
        _chunk(index, chunk, changes)
    if cold:
        for statement in SECONDARY:
            index.db.execute(statement)
    return changes


def _chunk(index: Index, chunk: list[Line], changes: Changes) -> None:
    groups: defaultdict[str, list[tuple[Key, Event]]] = defaultdict(list)
    rows = []
    for oid, event, line in chunk:
        kept = line if event.kind in _KEPT_LINES else None
        rows.append((event.commit, event.seq, event.id, oid, event.kind, kept))
        if event.commit and event.kind:
            groups[event.commit].append(((event.seq, event.id, oid), event))
        if event.decision:
            _branch(index, event, event.decision, changes)
        if event.rewritten:  # shows its note, as the merge of a keep does
            row = (event.rewritten, event.commit)
            index.db.execute("INSERT OR IGNORE INTO kept VALUES (?, ?)", row)
    last = {oid: _last(index, oid) for oid in groups}
    marks = "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?)"
    known = index.db.executemany(marks, rows).rowcount < len(rows)
    tallies: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for oid, group in groups.items():
        before = index.experiment(oid)
        group.sort(key=lambda pair: pair[0])
        if before and (known or group[0][0] < last[oid]):
            after = _again(index, oid)
        else:
            after = before
            for _, event in group:
                after = fold(after, event)
        assert after is not None
        _replace(index, before, after, _decided(index, oid, [event for _, event in group]))
        for sign, experiment in ((-1, before), (1, after)):
            for known_there in _by_class(experiment):
                _tally(tallies, sign, known_there)
                changes.cells.update(_cell(known_there))
        changes.experiments.add(oid)
    _count(index, tallies)


def _by_class(experiment: Experiment | None) -> Iterator[Experiment]:
    if experiment:
        yield from (within(experiment, klass) for klass in classes(experiment))


def _last(index: Index, oid: str) -> Key:
    query = "SELECT seq, id, oid FROM events WHERE experiment = ? AND kind <> '' "
    row = index.db.execute(query + "ORDER BY seq DESC, id DESC, oid DESC LIMIT 1", (oid,))
    return row.fetchone() or (0, "", "")


def _again(index: Index, oid: str) -> Experiment | None:
    query = "SELECT line, oid FROM events WHERE experiment = ? AND kind <> '' ORDER BY seq, id, oid"
    after = None
    for line, entry in index.db.execute(query, (oid,)).fetchall():
        after = fold(after, decode(line, Event) if line else index.read(entry))
    return after


def _branch(index: Index, event: Event, decision: Decision, changes: Changes) -> None:
    changes.verdicts.add(decision.verdict)
    if decision.new:
        changes.moves.append(decision)
        if decision.new != event.commit:
            row = (decision.new, event.commit)
            index.db.execute("INSERT OR IGNORE INTO kept VALUES (?, ?)", row)
    if not decision.branch or decision.verdict not in KEEPS:
        return
    place = (decision.branch, event.seq, event.id, decision.new or event.commit)
    index.db.execute(
        "INSERT INTO branches VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, "
        "id = excluded.id, tip = excluded.tip WHERE (excluded.seq, excluded.id) > (seq, id)",
        place,
    )


def _decided(index: Index, oid: str, news: list[Event]) -> dict[str, int]:
    """By class, the seq of an experiment's last decision."""
    query = "SELECT class, decided FROM experiments WHERE oid = ?"
    last = dict(index.db.execute(query, (oid,)).fetchall())
    for event in news:
        if event.decision:
            last[event.decision.klass] = max(event.seq, last.get(event.decision.klass, 0))
    return last


def _replace(
    index: Index, before: Experiment | None, after: Experiment, decided: dict[str, int]
) -> None:
    for klass in classes(before) if before else ():
        if klass not in classes(after):  # "", once it has been run
            index.db.execute(
                "DELETE FROM experiments WHERE oid = ? AND class = ?", (after.commit, klass)
            )
    for klass in classes(after):
        here = within(after, klass)
        # One that was decided before any run has a decision, but no class yet.
        when = decided.get(klass) or max(decided.values(), default=0) if here.decision else 0
        _row(index, here, when, latest=klass == after.klass)


def _row(index: Index, after: Experiment, decided: int, *, latest: bool) -> None:
    plan, review = after.plan, after.review
    row = (
        after.commit,
        after.seq,
        after.tree,
        after.program,
        after.contract,
        after.klass,
        plan.emitter if plan else "",
        review.niche if review else "",
        after.verdict,
        loss(after),
        len(after.runs),
        decided,
        int(latest),
        encode(after),
    )
    marks = ",".join("?" * len(row))
    index.db.execute(f"INSERT OR REPLACE INTO experiments VALUES ({marks})", row)


def _cell(experiment: Experiment) -> Iterator[Cell]:
    if experiment.decision and experiment.review and experiment.review.niche:
        yield experiment.klass, experiment.review.niche


def _tally(
    tallies: defaultdict[tuple[str, str, str], list[int]], sign: int, experiment: Experiment
) -> None:
    decision = experiment.decision
    won = decision and (decision.entered or decision.verdict in KEEPS)
    counts = (
        sign,
        sign * int(bool(won)),
        sign * int(experiment.verdict in _CRASHES),
        # Whole milliseconds, so that no order of adding and taking away leaves a rest.
        sign * sum(round(run.seconds * 1000) for run in experiment.runs if not run.cached),
    )
    for what, name in _dimensions(experiment):
        sums = tallies[experiment.klass, what, name]
        for k, count in enumerate(counts):
            sums[k] += count


def _count(index: Index, tallies: dict[tuple[str, str, str], list[int]]) -> None:
    update = (
        "INSERT INTO tallies VALUES (?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
        "tries = tries + excluded.tries, wins = wins + excluded.wins, "
        "crashes = crashes + excluded.crashes, millis = millis + excluded.millis"
    )
    index.db.executemany(update, [(*key, *sums) for key, sums in tallies.items() if any(sums)])


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
