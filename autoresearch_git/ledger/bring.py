"""Put a ledger on the trail. Every event of it says that it was imported, and from where.

A row whose commit is gone gets a commit of its own with its parent's files: what was changed is
not known any more, what came of it is. The same ledger gives the same commits, so that a second
import adds nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoresearch_git import refs
from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError
from autoresearch_git.git.pack import Pack
from autoresearch_git.git.process import git
from autoresearch_git.git.repo import Person, Repo
from autoresearch_git.ledger.match import Match, match
from autoresearch_git.ledger.rows import Ledger, Refused, Row
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import EMITTERS, PHASES, Decision, Event, Plan, Review, Run
from autoresearch_git.review.change import Change, classify
from autoresearch_git.review.niche import niche

BATCH = 500  # experiments that are appended at once
_LARGEST = 1_000_000  # bytes of a file that is looked at for what changed
_VERDICT = {"keep": "keep-unconfirmed"}  # one run confirms nothing


@dataclass
class Brought:
    """What became of each row."""

    klass: str = ""
    matched: list[Match] = field(default_factory=list)
    orphaned: list[Match] = field(default_factory=list)
    known: list[Match] = field(default_factory=list)  # on the trail already
    refused: list[Refused] = field(default_factory=list)


@dataclass
class _State:
    """Where the reading of a ledger is."""

    incumbent: str  # commit of the last keep, or what the first row starts from
    best: float | None = None
    baseline: Run | None = None
    made: dict[str, tuple[str, int]] = field(default_factory=dict)  # commit -> tree, time
    fresh: bool = True  # until the first new experiment has taken what concerns the whole file


def bring(memory: Memory, ledger: Ledger, branch: str, hardware: str, dry: bool) -> Brought:
    """Match the rows with the branch's commits and record them; `dry` only says what would be."""
    found = match(memory.repo, branch, ledger.rows)
    name = [ledger.source.rpartition("/")[2], refs.short(branch), ledger.metric, ledger.segment]
    contract = hashlib.sha256(repr(name).encode()).hexdigest()[:8]
    brought = Brought(f"{contract}-{refs.component(hardware or 'imported')}")
    brought.refused = list(ledger.refused)
    state = _State(_start(memory.repo, branch, found))
    groups = list(_groups(found))
    for k in range(0, len(groups), BATCH):
        with Pack(memory.place) as pack:
            events: list[Event] = []
            for group in groups[k : k + BATCH]:
                events += _bring(memory, ledger, brought, state, group, contract, pack)
            if dry or not events:
                continue
            guard = pack.finish()
        try:
            memory.append(*events)
        finally:
            if guard:
                guard.unlink(missing_ok=True)
    return brought


def _bring(
    memory: Memory,
    ledger: Ledger,
    brought: Brought,
    state: _State,
    group: Sequence[Match],
    contract: str,
    pack: Pack,
) -> list[Event]:
    """The events of one experiment, with all of its rows."""
    first = group[0]
    oid = first.commit or _placeholder(memory.repo, ledger, state, first, pack)
    known = memory.experiment(oid)
    if known and not _is_import(known.plan):
        about = f"{oid[:9]} was run here already: its own results stand"
        brought.refused += [Refused(each.row.number, about, each.row.line) for each in group]
        return []
    place = brought.known if known else brought.matched if first.commit else brought.orphaned
    place += group
    change = _change(memory.repo, oid) if first.commit else Change()
    runs = tuple(_run(contract, brought.klass, oid, each.row) for each in group)
    review = _review(ledger, brought.klass, state, first, runs, change)
    parents = memory.repo.parents(oid) if first.commit else ()
    origin = _origin(ledger, first, group) | _when(memory.repo, state, first, oid)
    if state.fresh and not known:
        origin |= _whole(ledger)
        state.fresh = False
    plan = _plan(ledger, state, first, origin, parents)
    if review.verdict.startswith("keep") or first.row.is_baseline:
        state.incumbent = oid
        state.best = review.value if review.value is not None else state.best
        state.baseline = state.baseline or runs[0]
    if known:
        return []
    tree = memory.repo.tree(oid) if first.commit else ""  # "": the files are not what was run
    decision = Decision(klass=review.klass, verdict=review.verdict, reason=review.reason)
    return [
        Event(kind="propose", commit=oid, contract=contract, tree=tree, plan=plan),
        *(Event(kind="run", commit=oid, run=run) for run in runs),
        Event(kind="review", commit=oid, review=review),
        Event(kind="decision", commit=oid, decision=decision),
    ]


def _groups(found: Sequence[Match]) -> Iterator[list[Match]]:
    """Rows of one commit together, where its first one stands."""
    groups: dict[str, list[Match]] = {}
    for k, each in enumerate(found):
        groups.setdefault(each.commit or f"row {k}", []).append(each)
    yield from groups.values()


def _start(repo: Repo, branch: str, found: Sequence[Match]) -> str:
    """What an orphan before the first keep hangs on: the parent of the oldest matched commit."""
    known = [each.commit for each in found if each.commit and each.how == "on the branch"]
    if known:
        first = repo.parents(known[0])
        return first[0] if first else known[0]
    return repo.resolve(branch)


def _placeholder(repo: Repo, ledger: Ledger, state: _State, found: Match, pack: Pack) -> str:
    """A commit that stands for one that is gone, the same at every import."""
    row, parent = found.row, state.incumbent
    if parent not in state.made:
        state.made[parent] = repo.tree(parent), repo.commit(parent).commit_time
    tree, clock = state.made[parent]
    about = clean(row.description, 100) or f"row {row.number}"
    said = f"Row {row.number} of {clean(ledger.source)}: {clean(found.how)}.\n"
    text = f"exp: {about}\n\n{said}This commit has its parent's files, not the ones that ran.\n"
    who = Person("git-ar", "git-ar@localhost", clock + row.number)
    oid = pack.write_commit(tree, [parent], text, who, who)
    state.made[oid] = tree, clock + row.number
    return oid


def _plan(
    ledger: Ledger,
    state: _State,
    first: Match,
    origin: Mapping[str, Any],
    parents: Sequence[str],
) -> Plan:
    row, more = first.row, first.row.more
    emitter = "baseline" if row.is_baseline and state.baseline is None else "agent"
    if more.get("emitter") in EMITTERS and emitter != "baseline":
        emitter = str(more["emitter"])
    phase = str(more.get("phase", ""))
    parent = parents[0] if parents else "" if first.commit else state.incumbent
    return Plan(
        emitter=emitter,
        phase="baseline" if emitter == "baseline" else phase if phase in PHASES else "explore",
        change=clean(row.description, 200) or f"row {row.number} of {clean(ledger.source, 60)}",
        parent="" if emitter == "baseline" else parent,
        hypothesis=clean(str(more.get("hypothesis", "")), 400),
        agent={"name": "import", "imported": origin},
    )


def _origin(ledger: Ledger, first: Match, group: Sequence[Match]) -> dict[str, Any]:
    """Where it comes from, and its lines as they stand there."""
    own = [each.row.number for each in group]
    found: dict[str, Any] = {
        "source": clean(ledger.source, 200),
        "row": own[0],
        "how": first.how,
    }
    if first.row.line:  # of JSON lines there is no table to write again
        found["lines"] = {str(each.row.number): each.row.line for each in group}
    return found


def _whole(ledger: Ledger) -> dict[str, Any]:
    """What an export to the byte needs besides the rows; {} of JSON lines."""
    if not ledger.rows[0].line:
        return {}
    file = {"head": ledger.head, "encoding": ledger.encoding, "closed": ledger.closed}
    return {"file": file, "refused": {str(r.number): r.line for r in ledger.refused}}


def _when(repo: Repo, state: _State, first: Match, oid: str) -> dict[str, float]:
    """When it was tried: as the row says, unless that is yet to come, else as its commit does."""
    said, now = first.row.more.get("time"), time.time()
    if said is None or said > now:
        said = state.made[oid][1] if oid in state.made else repo.commit(oid).commit_time
    return {"time": float(said)} if said <= now else {}


def _is_import(plan: Plan | None) -> bool:
    return plan is not None and "imported" in plan.agent


def _run(contract: str, klass: str, oid: str, row: Row) -> Run:
    name = hashlib.sha256(f"{contract} {oid} {row.number}".encode()).hexdigest()[:12]
    signature = clean(str(row.more.get("crash_signature", "")), 200)
    return Run(
        run=name,
        outcome="crash" if row.value is None else "ok",
        seconds=row.metrics.get("training_seconds", 0.0),
        klass=klass,
        value=row.value,
        metrics=dict(row.metrics),
        signature=signature,
        detail=f"imported, row {row.number}",
        backend="import",
    )


def _review(
    ledger: Ledger,
    klass: str,
    state: _State,
    first: Match,
    runs: tuple[Run, ...],
    change: Change,
) -> Review:
    values = [run.value for run in runs if run.value is not None]
    value = sum(values) / len(values) if values else None
    said = first.row.status
    verdict = _VERDICT.get(said, said)
    baseline = state.baseline or runs[0]
    return Review(
        klass=klass,
        runs=tuple(run.run for run in runs),
        verdict=verdict,
        reason=f"imported: the ledger says {said}",
        metric=clean(ledger.metric, 60),
        minimize=ledger.minimize,
        category=change.category if first.commit else "",
        niche=niche(change, runs[0], baseline) if first.commit and value is not None else "",
        value=value,
        n=len(values),
        delta=value - state.best if value is not None and state.best is not None else None,
        best=state.best,
        size=dict(change.size),
        edits=change.edits,
        signature=runs[0].signature or ("unknown" if value is None else ""),
    )


def _change(repo: Repo, oid: str) -> Change:
    """What a commit changed in its Python files, against its first parent."""
    parents = repo.parents(oid)
    if not parents:
        return Change()
    flags = ("diff-tree", "-r", "--name-only", "--no-renames", "-z", parents[0], oid)
    paths = [path for path in git(repo.place.git_dir, *flags).split("\0") if path.endswith(".py")]
    try:
        old, new = repo.texts(parents[0], paths[:20]), repo.texts(oid, paths[:20])
    except ArError:
        return Change()
    if sum(map(len, (*old.values(), *new.values()))) > _LARGEST:
        return Change()
    return classify(old, new)
