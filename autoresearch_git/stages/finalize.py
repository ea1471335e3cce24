"""Finalize: what a noisy research branch proved, as clean branches of one idea each.

An idea is the difference between a kept experiment and its parent, put onto the start of the
research by a three-way merge. One that needs an earlier idea is put on top of that one's branch.
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass

from autoresearch_git import refs
from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError
from autoresearch_git.git.repo import Move, Person, Repo
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import KEEPS, Experiment, Review
from autoresearch_git.review.evidence import usable


@dataclass(frozen=True)
class Idea:
    """One kept experiment and what became of it."""

    experiment: Experiment
    branch: str = ""  # full ref; "" if it was left out
    commit: str = ""
    above: str = ""  # the branch that it stands on, "" for the base
    why: str = ""  # why it was left out
    new: bool = False  # whether the branch has still to be made


def kept(memory: Memory, branch: str, base: str) -> list[Experiment]:
    """The experiments that the branch kept since the base, the oldest first."""
    aliases = {
        e.decision.new: e
        for e in memory.index.select("verdict IN (?, ?) ORDER BY seq", *KEEPS)
        if e.decision and e.decision.new
    }
    found, oid = [], memory.repo.resolve(branch)
    while oid and oid != base:
        each = aliases.get(oid) or memory.experiment(oid)
        if each and each.plan and each.plan.parent and each.verdict in KEEPS:
            found.append(each)
        oid = next(iter(memory.repo.parents(oid)), "")
    return found[::-1]


def finalize(memory: Memory, experiments: list[Experiment], base: str, least: int) -> list[Idea]:
    """A commit for every idea with at least so many runs; the branches are not made yet."""
    found: list[Idea] = []
    for each in experiments:
        review = each.review
        if review is None or review.n < least:
            n = review.n if review else 0
            found.append(Idea(each, why=f"not confirmed: n={n}, needs {least}"))
            continue
        found.append(_idea(memory.repo, each, review, base, found))
    return found


def publish(memory: Memory, ideas: list[Idea]) -> None:
    """Make the branches, all or none; what is there already stays."""
    moves = [Move(idea.branch, idea.commit, "") for idea in ideas if idea.new]
    if moves:
        memory.repo.transact(moves, "ar: finalize")


def message(each: Experiment, review: Review, above: str) -> str:
    """The commit message: the idea, why, and mean, sd and n of the runs that the review counts."""
    counted = usable([run for run in each.runs if run.klass == review.klass])
    values = [run.value for run in counted if run.value is not None]
    mean, sd = statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
    plan = each.plan
    lines = [clean(plan.change, 72) if plan else each.commit[:12], ""]
    if plan and plan.hypothesis:
        lines += [clean(plan.hypothesis, 400), ""]
    lines.append(f"{review.metric}: mean {mean:.6f}, sd {sd:.6f}, n {len(values)}")
    if review.low is not None and review.high is not None:
        lines.append(f"true value, 95%: {review.low:.6f} to {review.high:.6f}")
    if review.delta is not None and review.best is not None:
        lines.append(f"against what it replaced: {review.delta:+.6f} from {review.best:.6f}")
    lines.append(f"Measured on top of {plan.parent[:12] if plan else ''}, not on this base alone.")
    trailers = [f"Experiment: {each.commit}", f"Class: {clean(each.klass, 80)}"]
    if above:
        trailers.append(f"Needs: {refs.short(above)}")
    return "\n".join([*lines, "", *trailers]) + "\n"


def _idea(repo: Repo, each: Experiment, review: Review, base: str, before: list[Idea]) -> Idea:
    assert each.plan is not None
    places = [("", base), *((i.branch, i.commit) for i in reversed(before) if i.commit)]
    for above, onto in places:
        tree = _applied(repo, each.plan.parent, onto, each.commit)
        if tree is None:
            continue
        if tree == repo.tree(onto):
            return Idea(each, why="its change is undone or there already")
        who = Person(repo.user.name, repo.user.email, each.time)
        oid = repo.write_commit(tree, [onto], message(each, review, above), who, who)
        branch = f"{refs.BRANCHES}finalize/{_slug(each)}"
        there = repo.ref(branch)
        if there and there != oid:
            raise ArError(
                f"{refs.short(branch)} is there already, with something else",
                f"delete it first: git branch -D {refs.short(branch)}",
            )
        return Idea(each, branch, oid, above, new=not there)
    return Idea(each, why="it conflicts with the base and with every other idea")


def _applied(repo: Repo, parent: str, onto: str, commit: str) -> str | None:
    """The tree of `onto` with the change from parent to commit; None on a conflict."""
    index = repo.libgit2.merge_trees(repo.tree(parent), repo.tree(onto), repo.tree(commit))
    return None if index.conflicts else str(index.write_tree(repo.libgit2))


def _slug(each: Experiment) -> str:
    text = clean(each.plan.change, 60).lower() if each.plan else ""
    words = re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:40].rstrip("-")
    return f"{words or 'idea'}-{each.commit[:7]}"
