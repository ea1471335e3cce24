"""The views that plain git shows: notes, elites, near-miss tags, and the research branch.

All are functions of the trail (by way of the index) and touch only what changed. The notes commit
has no parent and takes its date from the trail, so clones with one trail have one notes commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from autoresearch_git import refs
from autoresearch_git.git.repo import Move, Person, Repo
from autoresearch_git.memory import note, notes
from autoresearch_git.memory.index import Index
from autoresearch_git.records import Decision, Experiment

NEAR_MISSES = 3  # tags a niche: they travel with every clone, so never one per run

Changed = Mapping[str, tuple[Experiment | None, Experiment]]
Cell = tuple[str, str]  # (class, niche)


def update(repo: Repo, index: Index, tip: str, changed: Changed, decisions: list[Decision]) -> bool:
    """Bring the views to the trail's tip, in one transaction; True if they had to be mended."""
    known, found = index.meta("notes"), repo.ref(refs.NOTES)
    after = {oid: experiment for oid, (_, experiment) in changed.items()}
    commit = _notes_commit(repo, known, after, tip)
    mended = found not in (known, commit)
    if mended:
        after = {e.commit: e for e in index.select("1")}
        commit = _notes_commit(repo, "", after, tip)
    moves = [Move(refs.NOTES, commit, found)] if commit != found else []
    cells = _all_cells(repo, index) if mended else _cells(changed)
    moves += ref_moves(repo, index, cells)
    moves += _branch_moves(repo, decisions)
    if len(moves) == 1:
        repo.swap(moves[0], "ar: views")
    elif moves:
        repo.transact(
            moves, "ar: " + ", ".join(sorted({d.verdict for d in decisions} or {"views"}))
        )
    index.set_meta("notes", commit)
    return mended and bool(known)


def ref_moves(repo: Repo, index: Index, cells: Iterable[Cell]) -> list[Move]:
    """What has to move so that these niches' elites and near-miss tags are right."""
    wanted: dict[str, str] = {}
    for klass, niche in sorted(set(cells)):
        ranked = "class = ? AND niche = ? AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1"
        best = index.select(ranked, klass, niche)
        wanted[refs.elite(klass, niche)] = best[0].commit if best else ""
        close = "class = ? AND verdict = 'near-miss' AND niche = ? ORDER BY loss, oid LIMIT ?"
        near = index.select(close, klass, niche, NEAR_MISSES)
        for k in range(NEAR_MISSES):
            ref = refs.near_miss(klass, niche, k + 1)
            wanted[ref] = _tag(repo, ref, near[k]) if k < len(near) else ""
    found = {ref: repo.ref(ref) for ref in wanted}
    return [Move(ref, new, found[ref]) for ref, new in wanted.items() if new != found[ref]]


def _notes_commit(repo: Repo, base: str, experiments: Mapping[str, Experiment], tip: str) -> str:
    if base and not repo.has(base):
        base = ""
    blobs = {}
    for oid, experiment in experiments.items():
        blobs[oid] = repo.write_blob(note.render(experiment).encode())
        kept = experiment.decision.new if experiment.decision else ""
        blobs[kept or oid] = blobs[oid]  # a keep by merge shows the review of what it took
    tree = notes.put(repo, repo.tree(base) if base else "", blobs)
    when = repo.commit(tip).commit_time
    who = Person("git-ar", "git-ar@localhost", when)
    return repo.write_commit(tree, [], f"ar: reviews as of trail {tip}\n", who, who)


def _tag(repo: Repo, ref: str, experiment: Experiment) -> str:
    who = Person("git-ar", "git-ar@localhost", experiment.time)
    return repo.write_tag(refs.short(ref), experiment.commit, note.tag(experiment), who)


def _cells(changed: Changed) -> set[Cell]:
    both = [e for pair in changed.values() for e in pair if e and e.decision and e.review]
    return {(e.klass, e.review.niche) for e in both if e.review and e.review.niche}


def _all_cells(repo: Repo, index: Index) -> set[Cell]:
    rows = index.db.execute("SELECT DISTINCT class, niche FROM experiments WHERE niche <> ''")
    cells = {(klass, niche) for klass, niche in rows}
    cells |= {refs.parse_elite(ref) for ref in repo.refs(refs.ELITES)}
    return cells | {refs.parse_near_miss(ref)[:2] for ref in repo.refs(refs.NEAR_MISSES)}


def _branch_moves(repo: Repo, decisions: list[Decision]) -> list[Move]:
    """Branches still where a decision found them. One that a person moved since is left alone."""
    moves: dict[str, Move] = {}
    for decision in decisions:
        at = moves[decision.branch].new if decision.branch in moves else repo.ref(decision.branch)
        if decision.new and at == decision.old:
            start = moves[decision.branch].old if decision.branch in moves else at
            moves[decision.branch] = Move(decision.branch, decision.new, start)
    return list(moves.values())
