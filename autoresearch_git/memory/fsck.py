"""Prove that every view follows from the trail: make all of them anew in memory, and compare.

The trail itself is checked, never changed. What is wrong with a view can be repaired, since the
view can be made again; what is wrong with the trail is named, with what is still safe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from autoresearch_git import refs
from autoresearch_git.errors import GitError
from autoresearch_git.git.objects import Counting
from autoresearch_git.git.repo import EMPTY_TREE
from autoresearch_git.memory import intake, notes, trail, views
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.intake import Line
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import VERSION

ERROR, NOTE = "error", "note"
_TABLES = ("events", "experiments", "tallies", "kept", "branches")


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, or that is worth knowing (`note`)."""

    level: str
    what: str  # trail, log, experiment, notes, elite, near-miss, index, branch
    about: str  # the ref, commit or table
    text: str
    repairable: bool = False


@dataclass(frozen=True)
class Checked:
    """What fsck looked at, and what it found."""

    tip: str
    events: int
    experiments: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.level == NOTE for finding in self.findings)


def check(memory: Memory) -> Checked:
    """Compare trail and views, and change neither."""
    tip = memory.repo.ref(refs.TRAIL)
    findings: list[Finding] = []
    fresh = Index(":memory:")
    fresh.source = memory.index.source
    try:
        with fresh.transaction():
            intake.add(fresh, _lines(memory, tip, findings), cold=True)
    except GitError as error:
        cure = f"put it back: git update-ref {refs.TRAIL} {memory.index.meta('tip') or 'OID'}"
        findings.append(Finding(ERROR, "trail", refs.TRAIL, f"{error.message}; {cure}"))
        return Checked(tip, 0, 0, tuple(findings))
    findings += _twice(fresh)
    findings += _index(memory.index, fresh, tip)
    findings += _notes(memory, fresh, tip)
    findings += _refs(memory, fresh)
    findings += _branches(memory, fresh)
    events, experiments = (
        int(fresh.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        for table in ("events", "experiments")
    )
    return Checked(tip, events, experiments, tuple(findings))


def repair(memory: Memory) -> None:
    """Make every view anew. The trail is not touched."""
    memory.rebuild()
    memory.notices.clear()


def _lines(memory: Memory, tip: str, findings: list[Finding]) -> Iterator[Line]:
    """The events as the index takes them in, each looked at on the way."""
    repo, seen, highest = memory.repo, set[str](), 0
    for entry in trail.everything(repo, tip):
        oid, event = entry.oid, entry.event
        if not event.kind:
            findings.append(_unreadable(entry))
        elif event.commit and event.commit not in entry.others:
            about = f"{event.kind} of {event.commit[:12]} does not hold its experiment"
            findings.append(Finding(ERROR, "experiment", oid, about))
        if event.seq < highest and len(entry.parents) == 1:
            findings += _order(memory, entry)
        highest = max(highest, event.seq)
        for other in entry.others:
            if other not in seen and not repo.has(other):
                about = f"commit {other[:12]} is missing; another clone has it: git ar sync"
                findings.append(Finding(ERROR, "experiment", other, about))
            seen.add(other)
        if entry.tree != EMPTY_TREE:
            findings += _log(memory, entry)
        yield Line(oid, event, entry.line)


def _unreadable(entry: trail.Entry) -> Finding:
    """A line that this version does not know is kept and named; only a broken one is an error."""
    import msgspec

    try:
        found = msgspec.json.decode(entry.line)
        version, kind = found["v"], found["kind"]
    except (msgspec.DecodeError, UnicodeDecodeError, TypeError, KeyError):
        return Finding(ERROR, "trail", entry.oid, "this line is no event: kept, but not counted")
    if isinstance(version, int) and version > VERSION:
        about = f"an event of version {version}, this git ar knows {VERSION}: kept, not counted"
        return Finding(NOTE, "trail", entry.oid, about)
    return Finding(NOTE, "trail", entry.oid, f"an event of unknown kind {kind!r}: kept")


def _order(memory: Memory, entry: trail.Entry) -> Iterator[Finding]:
    if trail.read(memory.repo, entry.parents[0]).event.seq >= entry.event.seq:
        yield Finding(ERROR, "trail", entry.oid, "its number does not grow: made by hand?")


def _log(memory: Memory, entry: trail.Entry) -> Iterator[Finding]:
    try:
        gone = [
            oid for _, oid, _ in memory.repo.tree_entries(entry.tree) if not memory.repo.has(oid)
        ]
    except GitError:
        gone = [entry.tree]
    if gone:
        about = "the log of this run is missing; another clone may have it: git fetch"
        yield Finding(ERROR, "log", entry.oid, about)


def _twice(fresh: Index) -> Iterator[Finding]:
    """Runs that two machines gave one name; the earlier counts, and both stay on the trail."""
    query = "SELECT oid FROM events WHERE experiment = ? AND kind = 'run' ORDER BY seq, id, oid"
    several = "SELECT experiment FROM events WHERE kind = 'run' GROUP BY experiment"
    for (commit,) in fresh.db.execute(several + " HAVING count(*) > 1").fetchall():
        events = [fresh.read(oid) for (oid,) in fresh.db.execute(query, (commit,))]
        runs = [event.run for event in events if event.run]
        names = Counter(run.run for run in runs)
        for name in sorted(name for name, n in names.items() if n > 1):
            same = [run for run in runs if run.run == name]
            if any(run != same[0] for run in same):
                about = f"{len(same)} runs of {commit[:12]} are called {name}: the first counts"
                yield Finding(NOTE, "experiment", commit, about)


def _index(kept: Index, fresh: Index, tip: str) -> Iterator[Finding]:
    if not kept.writable or not kept.meta("tip"):
        return  # there is none on disk, or it was made just now: the next command fills it
    if kept.meta("tip") != tip:
        yield Finding(ERROR, "index", "tip", "it is not at the trail's tip", repairable=True)
    fresh.db.execute("ATTACH ? AS kept", (str(kept.path),))
    for table in _TABLES:
        # A tally of nothing may be there or not.
        where = " WHERE tries OR wins OR crashes OR millis" if table == "tallies" else ""
        pair = [f"SELECT * FROM {schema}.{table}{where}" for schema in ("main", "kept")]
        wrong = max(
            fresh.db.execute(f"SELECT count(*) FROM ({one} EXCEPT {other})").fetchone()[0]
            for one, other in (pair, pair[::-1])
        )
        if wrong:
            about = f"{wrong} rows of {table} do not follow from the trail"
            yield Finding(ERROR, "index", table, about, repairable=True)
    fresh.db.execute("DETACH kept")


def _notes(memory: Memory, fresh: Index, tip: str) -> Iterator[Finding]:
    repo, found = memory.repo, memory.repo.ref(refs.NOTES)
    if not tip:
        return
    nowhere = Counting()
    wanted = views.all_notes(nowhere, fresh)
    if found == (views.notes_commit(nowhere, notes.put(nowhere, "", wanted)) if wanted else ""):
        return
    try:
        there = dict(notes.listed(repo, repo.tree(found))) if found else {}
    except GitError as error:
        yield Finding(ERROR, "notes", refs.NOTES, error.message, repairable=True)
        return
    for commit in sorted(wanted.keys() | there.keys()):
        if wanted.get(commit) != there.get(commit):
            text = "missing" if commit not in there else "changed by hand"
            text = text if commit in wanted else "not one of ours"
            yield Finding(ERROR, "notes", commit, f"this note is {text}", repairable=True)
    if wanted == there:
        text = "the notes are right, but their commit is not"
        yield Finding(ERROR, "notes", refs.NOTES, text, repairable=True)


def _refs(memory: Memory, fresh: Index) -> Iterator[Finding]:
    """Elites and near misses; those of niches that the trail does not know are dangling."""
    repo = memory.repo
    wanted = views.wanted(Counting(), fresh, views.all_cells(repo, fresh))
    there = repo.refs(refs.ELITES) | repo.refs(refs.NEAR_MISSES)
    for ref in sorted(wanted.keys() | there.keys()):
        want, found = wanted.get(ref, ""), there.get(ref, "")
        what = "elite" if ref.startswith(refs.ELITES) else "near-miss"
        if found and not repo.has(found):
            text = f"points to {found[:12]}, which is missing"
        elif want == found:
            continue
        elif not found:
            text = "missing"
        else:
            text = "moved by hand" if want else "dangling: nothing on the trail asks for it"
        yield Finding(ERROR, what, ref, text, repairable=ref in wanted)


def _branches(memory: Memory, fresh: Index) -> Iterator[Finding]:
    """Where a research branch is not where its last keep put it; a person may have moved it."""
    for ref, tip in fresh.branches().items():
        found = memory.repo.ref(ref)
        if found and not memory.repo.has(found):
            yield Finding(ERROR, "branch", ref, f"points to {found[:12]}, which is missing")
        elif found != tip:
            text = f"is at {found[:12] or 'nothing'}, its last keep was {tip[:12]}"
            yield Finding(NOTE, "branch", ref, text)
