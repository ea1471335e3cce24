"""The views that plain git shows: notes, elites, near-miss tags, and the research branch.

All are functions of the trail (by way of the index) and touch only what changed. The notes commit
has neither parent nor date, so clones with one trail have one notes commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from autoresearch_git import refs
from autoresearch_git.git.objects import Counting
from autoresearch_git.git.pack import Pack
from autoresearch_git.git.repo import Move, Person, Repo
from autoresearch_git.memory import note, notes
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.intake import Cell, Changes
from autoresearch_git.records import Decision, Experiment

NEAR_MISSES = 3  # tags a niche: they travel with every clone, so never one per run
MANY = 2000  # notes from which on they are written into one pack
_MESSAGE = "ar: reviews, one note an experiment\n"


class Objects(notes.Trees, Protocol):
    """Where objects are written to: a Repo, a Pack, or Counting."""

    def write_blob(self, data: bytes) -> str: ...
    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str: ...
    def write_tag(self, name: str, commit: str, message: str, tagger: Person) -> str: ...


def update(repo: Repo, index: Index, changes: Changes, *, trust: bool = True) -> bool:
    """Bring the views to what the index knows; True if the notes had been tampered with.

    The caller settles what was written here.
    """
    known, found = index.meta("notes") if trust else "", repo.ref(refs.NOTES)
    with repo.unsynced():
        commit = _updated(repo, index, known, changes.experiments) if known else ""
        foreign = found not in (known, commit)
        if foreign or not commit:
            commit = _rebuilt(repo, index, found)
        elif commit != found:
            repo.swap(Move(refs.NOTES, commit, found), "ar: views")
        cells = all_cells(repo, index) if foreign or not trust else changes.cells
        moves = _ref_moves(repo, index, cells) + _branch_moves(repo, changes.moves)
        if moves:
            repo.transact(moves, "ar: " + ", ".join(sorted(changes.verdicts or {"views"})))
    index.set_meta("notes", commit)
    return foreign and bool(known)


def all_notes(objects: Objects, index: Index) -> dict[str, str]:
    """Every note there should be: annotated commit -> blob."""
    return _blobs(objects, index, index.oldest_first())


def notes_commit(objects: Objects, tree: str) -> str:
    """The commit of a notes tree: a function of the tree alone, so its date is none."""
    who = Person("git-ar", "git-ar@localhost", 0)
    return objects.write_commit(tree, [], _MESSAGE, who, who)


def wanted(objects: Objects, index: Index, cells: Iterable[Cell]) -> dict[str, str]:
    """The elite ref and near-miss tags of niches -> their target, "" if there should be none."""
    found: dict[str, str] = {}
    for klass, niche in sorted(set(cells)):
        ranked = "class = ? AND niche = ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1"
        best = index.select(ranked, klass, niche)
        found[refs.elite(klass, niche)] = best[0].commit if best else ""
        close = "class = ? AND verdict = 'near-miss' AND niche = ? ORDER BY loss, oid LIMIT ?"
        near = index.select(close, klass, niche, NEAR_MISSES)
        for k in range(NEAR_MISSES):
            ref = refs.near_miss(klass, niche, k + 1)
            found[ref] = _tag(objects, ref, near[k]) if k < len(near) else ""
    return found


def all_cells(repo: Repo, index: Index) -> set[Cell]:
    """The niches that the trail knows, and those that refs are there for."""
    rows = index.db.execute("SELECT DISTINCT class, niche FROM experiments WHERE niche <> ''")
    cells: set[Cell] = {(klass, niche) for klass, niche in rows}
    for ref in repo.refs(refs.ELITES):
        with contextlib.suppress(ValueError):  # a ref of somebody else's making
            cells.add(refs.parse_elite(ref))
    for ref in repo.refs(refs.NEAR_MISSES):
        with contextlib.suppress(ValueError):
            cells.add(refs.parse_near_miss(ref)[:2])
    return cells


def _rebuilt(repo: Repo, index: Index, found: str) -> str:
    """All notes made anew, and written only where they are not there yet."""
    if found:  # a new index beside notes that are as they should be
        wanted = all_notes(Counting(), index)
        if not wanted or found == notes_commit(Counting(), notes.put(Counting(), "", wanted)):
            return found
    many = len(index.near("", MANY)) == MANY
    with Pack(repo.place) if many else contextlib.nullcontext(repo) as target:
        wanted = all_notes(target, index)
        if not wanted:
            return found
        commit = notes_commit(target, notes.put(target, "", wanted))
        guard = target.finish() if isinstance(target, Pack) else None
    repo.swap(Move(refs.NOTES, commit, found), "ar: views")
    if guard:
        repo.settle()
        guard.unlink(missing_ok=True)
    return commit


def _updated(repo: Repo, index: Index, base: str, oids: Iterable[str]) -> str:
    """The notes commit after some experiments changed; "" if its base is gone."""
    if not repo.has(base):
        return ""
    found = (index.experiment(oid) for oid in sorted(oids))
    blobs = _blobs(repo, index, (e for e in found if e))
    return notes_commit(repo, notes.put(repo, repo.tree(base), blobs)) if blobs else base


def _blobs(objects: Objects, index: Index, experiments: Iterable[Experiment]) -> dict[str, str]:
    """The notes of experiments, and of the merges by which they were kept."""
    blobs: dict[str, str] = {}
    for experiment in experiments:
        if not (experiment.runs or experiment.review or experiment.decision):
            continue  # nothing is known of it yet
        # A lease comes and goes without a new note, so the note must not depend on it.
        experiment = msgspec.structs.replace(experiment, lease=None, again=False)
        oid = experiment.commit
        blobs[oid] = objects.write_blob(note.render(experiment).encode())
        for tip in index.kept_of(oid):
            if not index.is_experiment(tip) and index.kept_as(tip) == oid:
                blobs[tip] = blobs[oid]
    return blobs


def _tag(objects: Objects, ref: str, experiment: Experiment) -> str:
    who = Person("git-ar", "git-ar@localhost", experiment.time)
    return objects.write_tag(refs.short(ref), experiment.commit, note.tag(experiment), who)


def _ref_moves(repo: Repo, index: Index, cells: Iterable[Cell]) -> list[Move]:
    """What has to move so that these niches' refs are right; only then are tags written."""
    moves = []
    for cell in sorted(set(cells)):
        goal = wanted(Counting(), index, [cell])
        found = {ref: repo.ref(ref) for ref in goal}
        if goal != found:
            wanted(repo, index, [cell])
            moves += [Move(ref, goal[ref], found[ref]) for ref in goal if goal[ref] != found[ref]]
    return moves


def _branch_moves(repo: Repo, decisions: list[Decision]) -> list[Move]:
    """Branches still where a decision found them. One that a person moved since is left alone."""
    started: dict[str, str] = {}
    at: dict[str, str] = {}
    for decision in decisions:
        branch = decision.branch
        if branch not in at:
            started[branch] = at[branch] = repo.ref(branch)
        if at[branch] == decision.old:
            at[branch] = decision.new
    return [Move(ref, new, started[ref]) for ref, new in at.items() if new != started[ref]]
