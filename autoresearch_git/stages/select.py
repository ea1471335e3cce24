"""Select: act on a review. Keeps move the research branch; everything else stays on the trail."""

from __future__ import annotations

import time

from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError
from autoresearch_git.git import worktree
from autoresearch_git.git.repo import Person
from autoresearch_git.memory import index
from autoresearch_git.records import KEEPS, Decision, Event, Experiment
from autoresearch_git.research import Research
from autoresearch_git.search.archive import NEAR
from autoresearch_git.stages.review import renewed


def select(research: Research, experiment: Experiment) -> Experiment:
    """Decide on a reviewed experiment, once a review; the branch moves by compare-and-swap.

    A review that was overtaken by another keep is made again first, or the branch would go back.
    """
    review = experiment.review
    if not review:
        raise ArError(
            f"{experiment.commit[:9]} has no review", f"git ar review {experiment.commit[:9]}"
        )
    done = experiment.decision
    if done and (done.verdict, done.reason) == (review.verdict, review.reason):
        return experiment
    research.reload()
    if review.verdict in KEEPS and not done:
        experiment = renewed(research, experiment)
        review = experiment.review or review
    new = kept(research, experiment) if review.verdict in KEEPS else ""
    moved = bool(new) and new != research.tip
    decision = Decision(
        klass=review.klass,
        verdict=review.verdict,
        reason=review.reason,
        entered=_enters(research, experiment),
        branch=research.branch,
        old=research.tip if moved else "",
        new=new if moved else "",
    )

    def unmoved() -> None:
        if moved and research.repo.ref(research.branch) != decision.old:
            raise _MovedError

    try:
        event = Event(kind="decision", commit=experiment.commit, decision=decision)
        research.memory.append(event, check=unmoved)
    except _MovedError:  # by another process, just now
        return select(research, experiment)
    if moved:
        follow(research, research.tip, new)
    return research.memory.experiment(experiment.commit) or experiment


class _MovedError(Exception):
    """The branch is no longer where a decision was made."""


def follow(research: Research, old: str, new: str) -> None:
    """After the branch moved: worktrees on it go along, and it is read again."""
    memory = research.memory
    memory.notices += worktree.follow(memory.place, research.branch, old, new)
    research.reload()


def kept(research: Research, experiment: Experiment) -> str:
    """The branch's next commit: the experiment itself, or a merge that takes its tree.

    An experiment that did not start from the tip is merged, so that the branch stays one line of
    keeps (`git log --first-parent`), is never rewound, and its tree is exactly what was measured.
    """
    repo, tip, oid = research.repo, research.tip, experiment.commit
    tree = repo.tree(oid)
    if tree == repo.tree(tip) or repo.is_ancestor(oid, tip):
        return tip  # a commit made by hand on the branch stays where its author put it
    if tip in repo.parents(oid)[:1]:
        return oid
    now = Person(repo.user.name, repo.user.email, time.time())
    plan = experiment.plan
    about = clean(plan.change, 100) if plan else oid[:12]
    message = f"keep: {about}\n\nThe files of {oid[:12]}, which did not start from {tip[:12]}.\n"
    return repo.write_commit(tree, [tip, oid], message, now, now)


def _enters(research: Research, experiment: Experiment) -> bool:
    """Whether it becomes the elite of its niche, and is good enough for that to mean something.

    Filling a niche with something bad is easy: only what came near the incumbent counts.
    """
    review = experiment.review
    if not review or not review.niche or review.verdict == "retest":
        return False
    worse = (review.delta or 0.0) * (1 if review.minimize else -1)
    if worse > NEAR * (review.sigma or research.contract.sigma):
        return False
    mine = index.rank(review)
    if mine is None:
        return False
    where = "class = ? AND niche = ? AND loss IS NOT NULL AND oid <> ? ORDER BY loss, oid LIMIT 1"
    held = research.memory.index.select(where, review.klass, review.niche, experiment.commit)
    theirs = index.loss(held[0]) if held else None
    return theirs is None or mine < theirs
