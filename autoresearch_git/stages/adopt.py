"""Adopt: go on from what another machine kept, when it is better than what is kept here."""

from __future__ import annotations

from msgspec.structs import replace

from autoresearch_git.memory import past
from autoresearch_git.memory.index import loss
from autoresearch_git.records import KEEPS, Event, Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages.select import follow, kept


def adopt(research: Research, klass: str) -> Experiment | None:
    """Move the branch to the best experiment of a class that was kept on another branch or machine.

    What is reachable from the tip was weighed here already, so it stays where it is. None where
    nothing is better, or the tip is no experiment of this class.
    """
    research.reload()
    index, repo, tip = research.memory.index, research.repo, research.tip
    here = past.incumbent(index, klass, repo.tree(tip))
    best = index.select(
        f"class = ? AND verdict IN {KEEPS} AND loss IS NOT NULL ORDER BY loss, oid LIMIT 1", klass
    )
    if here is None or not best or not best[0].decision or best[0].tree == here.tree:
        return None
    mine, theirs = loss(here), loss(best[0])
    if mine is None or theirs is None or theirs >= mine or repo.is_ancestor(best[0].commit, tip):
        return None
    new = kept(research, best[0])
    decision = replace(best[0].decision, branch=research.branch, old=tip, new=new)
    research.memory.append(Event(kind="decision", commit=best[0].commit, decision=decision))
    follow(research, tip, new)
    return best[0]
