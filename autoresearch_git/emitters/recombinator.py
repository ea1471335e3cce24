"""Three-way merges of two good experiments: do their gains add up?

The commit has both as parents. After the run, `additivity` says whether the sum came true.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.turn import describe
from autoresearch_git.history import History
from autoresearch_git.records import Experiment
from autoresearch_git.search import archive
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search.points import edits as edits_of
from autoresearch_git.search.points import known

PAIRS = 6  # merges tried: each costs a git process
RECENT = 40


def propose(context: Context) -> Proposal | None:
    for first, second in list(pairs(context))[:PAIRS]:
        merged = context.merge(first.commit, second.commit)
        if merged is None or context.tried(merged) is not None:
            continue
        mine = context.read(first.commit)
        if dict(merged) in (dict(mine), dict(context.read(second.commit))):
            continue  # one contains the other
        klass = context.history.klass
        edits = knob_reader.diff(knob_reader.read(mine, klass), knob_reader.read(merged, klass))
        home = archive.home(context.history)
        alone = [each for each in (first, second) if home is None or each.commit != home.commit]
        return Proposal(
            files=merged,
            change=f"merge {second.commit[:9]} into {first.commit[:9]}"
            + (f": {describe(edits)}" if edits else ""),
            hypothesis="both changes help for different reasons, so their effects add up",
            expected=sum(_delta(each) for each in alone),
            parents=(first.commit, second.commit),
            builds_on=(first.commit, second.commit),
            edits=edits,
        )
    return None


def pairs(context: Context) -> Iterator[tuple[Experiment, Experiment]]:
    """Pairs worth a merge: changes of the text first, then the incumbent with each good one.

    Two changes that turn knobs are the numeric model's business, which sees all results at once.
    """
    history = context.history
    home = archive.home(history)
    good = [each for each in promising(history) if home is None or each.commit != home.commit]
    merged = {each.plan.builds_on for each in known(history).values() if each.plan}
    found = [(home, each) for each in good] if home is not None else []
    found += [(a, b) for a, b in combinations(good[:8], 2) if a.plan and b.plan]
    found.sort(key=lambda pair: -sum(_textual(each) for each in pair if each is not home))
    yield from ((a, b) for a, b in found if (a.commit, b.commit) not in merged)


def _textual(each: Experiment) -> bool:
    """Whether it changed more than the values of knobs."""
    edits = edits_of(each)
    return not edits or any(edit.name.startswith("move:") for edit in edits)


def promising(history: History) -> list[Experiment]:
    """Near misses, elites, recent results and old changes of the text that came close to the best.

    The closest first, changes of the text before all others.
    """
    pool = {each.commit: each for each in (*history.near_misses, *history.elites.values())}
    pool |= {each.commit: each for each in history.recent[-RECENT:]}
    pool |= {each.commit: each for each in history.recent if _textual(each)}
    done = [each for each in pool.values() if each.review and each.review.delta is not None]
    sign = 1.0 if history.minimize else -1.0
    close = [each for each in done if sign * _delta(each) < 5 * history.sigma]
    return sorted(close, key=lambda each: (not _textual(each), sign * _delta(each)))


def _delta(each: Experiment) -> float:
    return each.review.delta if each.review and each.review.delta is not None else float("inf")


def additivity(merged: Experiment, known: dict[str, Experiment]) -> tuple[float, float] | None:
    """(sum of the parents' deltas, the merge's own delta), None where one was not measured."""
    if merged.plan is None or merged.plan.emitter != "recombinator" or merged.review is None:
        return None
    parents = [known.get(commit) for commit in merged.plan.builds_on[:2]]
    deltas = [each.review.delta for each in parents if each and each.review]
    if len(deltas) < 2 or any(d is None for d in deltas) or merged.review.delta is None:
        return None
    return sum(d for d in deltas if d is not None), merged.review.delta
