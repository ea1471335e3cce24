"""The views that plain git shows: notes, elites, near-miss tags, and the research branch.

All are functions of the trail (by way of the index) and touch only what changed. The notes commit
has no parent and takes its date from the trail, so clones with one trail have one notes commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from autoresearch_git import refs
from autoresearch_git.errors import GitError
from autoresearch_git.git.pack import Pack
from autoresearch_git.git.repo import Move, Person, Repo
from autoresearch_git.memory import note, notes
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.intake import Cell, Changes
from autoresearch_git.memory.tables import VERSION
from autoresearch_git.records import Decision, Experiment

NEAR_MISSES = 3  # tags a niche: they travel with every clone, so never one per run
MANY = 2000  # notes from which on they are written into one pack
_MESSAGE = f"ar: reviews (format {VERSION}) as of trail "


class Objects(notes.Trees, Protocol):
    """Where objects are written to: a Repo, a Pack, or Counting."""

    def write_blob(self, data: bytes) -> str: ...
    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str: ...
    def write_tag(self, name: str, commit: str, message: str, tagger: Person) -> str: ...


def update(repo: Repo, index: Index, tip: str, changes: Changes, *, trust: bool = True) -> bool:
    """Bring the views to the trail's tip; True if notes were found that are not ours."""
    known, found = index.meta("notes"), repo.ref(refs.NOTES)
    ours = trust and (found == known or _as_of(repo, found) == tip)
    when = repo.commit(tip).commit_time
    with repo.unsynced():
        if ours and found and not known:
            commit = found  # a new index beside notes that are up to date
        elif ours and known and len(changes.experiments) < MANY:
            tree = _notes(repo, index, repo.tree(found), changes.experiments)
            commit = _commit(repo, tree, tip, when)
        else:
            commit = _rebuilt(repo, index, tip, when)
        if commit != found:
            repo.settle()
            repo.swap(Move(refs.NOTES, commit, found), "ar: views")
        cells = changes.cells if ours else all_cells(repo, index)
        moves = differing(repo, wanted(repo, index, cells)) + _branch_moves(repo, changes.moves)
        if moves:
            repo.settle()
            repo.transact(moves, "ar: " + ", ".join(sorted(changes.verdicts or {"views"})))
        repo.settle()
    index.set_meta("notes", commit)
    return bool(known) and not ours


def all_notes(objects: Objects, index: Index) -> dict[str, str]:
    """Every note there should be: annotated commit -> blob."""
    return _blobs(objects, index, index.oldest_first())


def notes_commit(objects: Objects, blobs: Mapping[str, str], tip: str, when: float) -> str:
    """The notes commit of a whole trail, written anew."""
    return _commit(objects, notes.put(objects, "", blobs), tip, when)


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


def differing(repo: Repo, wanted: Mapping[str, str]) -> list[Move]:
    """What has to move so that refs are where they should be."""
    found = {ref: repo.ref(ref) for ref in wanted}
    return [Move(ref, new, found[ref]) for ref, new in wanted.items() if new != found[ref]]


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


def _rebuilt(repo: Repo, index: Index, tip: str, when: float) -> str:
    if len(index.near("", MANY)) < MANY:
        return notes_commit(repo, all_notes(repo, index), tip, when)
    with Pack(repo.place) as pack:
        commit = notes_commit(pack, all_notes(pack, index), tip, when)
        guard = pack.finish()
    if guard:
        repo.swap(Move(refs.NOTES, commit, repo.ref(refs.NOTES)), "ar: views")
        repo.settle()
        guard.unlink(missing_ok=True)
    return commit


def _notes(repo: Repo, index: Index, tree: str, oids: Iterable[str]) -> str:
    found = (index.experiment(oid) for oid in sorted(oids))
    blobs = _blobs(repo, index, (e for e in found if e))
    return notes.put(repo, tree, blobs) if blobs else tree


def _blobs(objects: Objects, index: Index, experiments: Iterable[Experiment]) -> dict[str, str]:
    """The notes of experiments, and of the merges by which they were kept."""
    blobs: dict[str, str] = {}
    for experiment in experiments:
        oid = experiment.commit
        blobs[oid] = objects.write_blob(note.render(experiment).encode())
        for tip in index.kept_of(oid):
            if not index.is_experiment(tip) and index.kept_as(tip) == oid:
                blobs[tip] = blobs[oid]
    return blobs


def _as_of(repo: Repo, commit: str) -> str:
    """The trail's tip that a notes commit of ours was made for, "" if it is not ours."""
    if not commit:
        return ""
    try:
        message = repo.message(commit)
    except GitError:
        return ""  # the object is gone
    return message.removeprefix(_MESSAGE).strip() if message.startswith(_MESSAGE) else ""


def _commit(objects: Objects, tree: str, tip: str, when: float) -> str:
    who = Person("git-ar", "git-ar@localhost", when)
    return objects.write_commit(tree, [], f"{_MESSAGE}{tip}\n", who, who)


def _tag(objects: Objects, ref: str, experiment: Experiment) -> str:
    who = Person("git-ar", "git-ar@localhost", experiment.time)
    return objects.write_tag(refs.short(ref), experiment.commit, note.tag(experiment), who)


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
