"""One research on machines of several classes: each has its own incumbent, verdicts and elites."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_git import refs
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Decision, Event, Experiment, Review, Run, fold, within
from tests.memory.test_store import experiments
from tests.support import Sandbox


def judged(commit: str, klass: str, run: str, value: float, verdict: str) -> list[Event]:
    """A run, its review and its decision in one class."""
    executed = Run(run=run, outcome="ok", seconds=1.0, klass=klass, value=value)
    review = Review(
        klass=klass, runs=(run,), verdict=verdict, reason="r", niche="n.same", value=value, n=1
    )
    decided = Decision(klass=klass, verdict=verdict, reason="r")
    return [
        Event(kind="run", commit=commit, run=executed),
        Event(kind="review", commit=commit, review=review),
        Event(kind="decision", commit=commit, decision=decided),
    ]


def test_a_second_machine_does_not_take_the_first_one_s_baseline(sandbox: Sandbox) -> None:
    one, two = experiments(sandbox, 2)
    memory = Memory.open(sandbox.folder)
    memory.append(*judged(one, "c.gpu", "r1", 1.0, "keep"))
    memory.append(*judged(two, "c.gpu", "r2", 0.9, "keep"))
    memory.append(*judged(one, "c.cpu", "r3", 2.0, "keep"))
    index = memory.index
    gpu, cpu = past.baseline(index, "c.gpu"), past.baseline(index, "c.cpu")
    assert gpu is not None
    assert cpu is not None
    assert (gpu.commit, gpu.value) == (one, 1.0)
    assert (cpu.commit, cpu.value) == (one, 2.0)
    assert index.tallies("c.gpu", "verdict")["keep"].tries == 2
    assert index.tallies("c.cpu", "verdict")["keep"].tries == 1
    assert memory.repo.ref(refs.elite("c.gpu", "n.same")) == two
    assert memory.repo.ref(refs.elite("c.cpu", "n.same")) == one
    assert [e.commit for e in index.oldest_first()] == [one, two]
    memory.append(*judged(one, "c.gpu", "r4", 0.8, "discard"))  # back on the first machine
    again = memory.experiment(one)
    assert again is not None
    assert (again.klass, again.verdict) == ("c.gpu", "discard")
    assert within(again, "c.cpu").value == 2.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 9)), min_size=1, max_size=8))
def test_each_class_sees_its_own_last_judgement(runs: list[tuple[str, float]]) -> None:
    now: Experiment | None = None
    last: dict[str, float] = {}
    for k, (klass, value) in enumerate(runs):
        for event in judged("x", klass, f"r{k}", value, "keep"):
            now = fold(now, event)
        last[klass] = value
    assert now is not None
    assert now.klass == runs[-1][0]
    for klass, value in last.items():
        seen = within(now, klass)
        assert seen.review is not None
        assert seen.decision is not None
        assert (seen.review.value, seen.klass) == (value, klass)
