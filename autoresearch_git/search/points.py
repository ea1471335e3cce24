"""The experiments of a history as points: which knob had which value, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autoresearch_git.history import History
from autoresearch_git.records import Edit, Experiment

CRASHES = frozenset({"crash", "oom", "nan", "timeout", "no-metric"})


@dataclass(frozen=True)
class Point:
    """One experiment: the source text of every knob that ever moved, and its result."""

    commit: str
    values: Mapping[str, str]
    result: float | None = None  # mean value; None for a crash or a run in flight
    n: int = 0  # runs behind the result
    crashed: bool = False

    @property
    def pending(self) -> bool:
        return self.result is None and not self.crashed


def edits(experiment: Experiment) -> tuple[Edit, ...]:
    """What it changed: as measured by the review, else as planned."""
    if experiment.review and experiment.review.edits:
        return experiment.review.edits
    return experiment.plan.edits if experiment.plan else ()


def crashed(experiment: Experiment) -> bool:
    """Whether its latest run failed through its own fault (a broken machine does not count)."""
    if experiment.value is not None:
        return False
    if experiment.review and experiment.review.verdict == "crash":
        return True
    return bool(experiment.runs) and experiment.runs[-1].outcome in CRASHES


def known(history: History) -> dict[str, Experiment]:
    """Every experiment that the history holds, by commit."""
    single = (history.baseline, history.incumbent, history.best)
    every: Iterator[Experiment | None] = iter(
        (*single, *history.elites.values(), *history.near_misses, *history.recent, *history.running)
    )
    return {each.commit: each for each in every if each is not None}


def points(history: History, current: str, present: Mapping[str, str]) -> list[Point]:
    """All experiments as full settings, given the `present` knobs of the commit `current`.

    An edit only says what changed, so settings are rebuilt along the parents; a knob that no
    ancestor touched has the value that it had before its first recorded edit.
    """
    every = known(history)
    changes: dict[str, dict[str, str]] = {}
    for commit in every:
        _changes(commit, every, changes)
    root = {name: value for name, value in present.items() if name not in changes.get(current, {})}
    for experiment in sorted(every.values(), key=lambda each: each.seq):
        for edit in edits(experiment):
            root.setdefault(edit.name, edit.old)
    return [
        Point(
            commit,
            {**root, **changes[commit]},
            result=None if experiment.verdict == "invalid" else experiment.value,
            n=max(1, experiment.review.n if experiment.review else len(experiment.runs)),
            crashed=crashed(experiment),
        )
        for commit, experiment in every.items()
        if _usable(experiment)
    ]


def _usable(experiment: Experiment) -> bool:
    if experiment.review and experiment.review.verdict == "invalid":
        return False
    waiting = not experiment.runs and experiment.decision is None
    return waiting or experiment.value is not None or crashed(experiment)


def _changes(
    commit: str, every: Mapping[str, Experiment], done: dict[str, dict[str, str]]
) -> dict[str, str]:
    """What differs from the untouched file, ancestors first; without recursion, chains are long."""
    chain = []
    now = commit
    while now in every and now not in done:
        chain.append(now)
        plan = every[now].plan
        now = plan.parent if plan else ""
        if now in chain:  # a damaged trail must not hang the search
            break
    state = done.get(now, {})
    for each in reversed(chain):
        state = {**state, **{edit.name: edit.new for edit in edits(every[each])}}
        done[each] = state
    return state
