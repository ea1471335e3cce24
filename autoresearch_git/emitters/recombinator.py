"""Three-way merges of two good experiments: do their gains add up?

The commit has both as parents. After the run, the review holds what `additivity` says.
"""

from __future__ import annotations

import math
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
        return Proposal(
            files=merged,
            change=f"merge {second.commit[:9]} into {first.commit[:9]}"
            + (f": {describe(edits)}" if edits else ""),
            hypothesis="both changes help for different reasons, so their effects add up",
            expected=_promised(context.history, first, second),
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


def _promised(history: History, first: Experiment, second: Experiment) -> float | None:
    """The merge's delta to the incumbent, if the effect of the second adds to the first."""
    home = archive.home(history)
    if home is None or home.value is None or first.value is None:
        return None
    return first.value - home.value + _delta(second)


def additivity(merged: Experiment, delta: float | None, sigma: float, minimize: bool) -> str:
    """Whether the effects of a merge's parents added up, in words; "" for what is no merge.

    `delta` is what came; three noisy values are behind what was promised, two behind what came.
    """
    plan = merged.plan
    if plan is None or plan.emitter != "recombinator" or plan.expected is None or delta is None:
        return ""
    surplus = (plan.expected - delta) * (1 if minimize else -1)
    if abs(surplus) <= 2 * math.sqrt(5) * sigma:
        word = "the effects add up"
    else:
        word = f"{'more' if surplus > 0 else 'less'} than the sum"
    return f"{word}: {plan.expected:+.3g} promised, {delta:+.3g} came"
