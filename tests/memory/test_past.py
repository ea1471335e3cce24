"""What is newest goes by the order of decisions: ideas may wait long before they are run."""

from __future__ import annotations

from autoresearch_git.git.repo import EMPTY_TREE
from autoresearch_git.look.filters import Filter
from autoresearch_git.look.query import as_decided, newest_first
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event, Plan
from tests.memory.test_classes import judged
from tests.memory.test_store import experiments
from tests.support import Sandbox

KLASS = "c.gpu"


def test_the_oldest_idea_may_be_the_last_keep(sandbox: Sandbox) -> None:
    waited, first, worse, late = experiments(sandbox, 4)
    memory = Memory.open(sandbox.folder)
    plan = Plan(emitter="person", phase="explore", change="x", parent=first)
    memory.append(Event(kind="propose", commit=waited, plan=plan, tree=EMPTY_TREE))
    memory.append(*judged(first, KLASS, "r1", 1.0, "keep"))
    memory.append(*judged(worse, KLASS, "r2", 1.1, "discard"))
    assert past.stall(memory.index, KLASS) == 1
    memory.append(*judged(waited, KLASS, "r3", 0.9, "keep-unconfirmed"))
    assert past.stall(memory.index, KLASS) == 0
    memory.append(*judged(late, KLASS, "r4", 1.2, "near-miss"))
    assert past.stall(memory.index, KLASS) == 1
    assert past.plateau(memory.index, KLASS) == 1
    order = [each.commit for each in as_decided(memory.index, KLASS)]
    assert order == [first, worse, waited, late]
    began = past.baseline(memory.index, KLASS)
    now = past.incumbent(memory.index, KLASS, "a tree that no experiment has")
    assert began is not None
    assert now is not None
    assert (began.commit, now.commit) == (first, waited)


def test_a_class_lists_what_ran_in_another_one_since(sandbox: Sandbox) -> None:
    """A baseline that a second machine repeated still stands where the first one's chart begins."""
    baseline, better, best = experiments(sandbox, 3)
    memory = Memory.open(sandbox.folder)
    memory.append(*judged(baseline, "c.gpu", "r1", 1.0, "keep"))
    memory.append(*judged(better, "c.cpu", "r2", 2.0, "keep"))
    memory.append(*judged(baseline, "c.cpu", "r3", 2.2, "discard"))
    memory.append(*judged(better, "c.gpu", "r4", 0.9, "keep"))
    memory.append(*judged(best, "c.gpu", "r5", 0.8, "keep"))

    def told(klass: str) -> list[tuple[str, float | None, str]]:
        return [(e.commit, e.value, e.verdict) for e in as_decided(memory.index, klass)]

    gpu = [(baseline, 1.0, "keep"), (better, 0.9, "keep"), (best, 0.8, "keep")]
    cpu = [(better, 2.0, "keep"), (baseline, 2.2, "discard")]
    assert told("c.gpu") == told("*.gpu") == gpu
    assert told("c.cpu") == told("c.[c]pu") == cpu
    assert [each for each, *_ in told("*")] == [baseline, better, best]  # each once
    assert told("c.*")[0] == cpu[1]  # as its latest run left it
    kept = [e.commit for e in Filter(klass="c.cpu", status="keep").newest(memory.index)]
    assert kept == [better]
    assert len(list(newest_first(memory.index))) == 3
