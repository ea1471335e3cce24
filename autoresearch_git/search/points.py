"""The experiments of a history as points: which knob had which value, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
    """What it changed: as planned by an emitter, else as the review found."""
    if experiment.plan and experiment.plan.edits:
        return experiment.plan.edits
    return experiment.review.edits if experiment.review else ()


def named(edit: Edit, names: Collection[str]) -> list[Edit]:
    """The edit by the names of the knobs: a review knows neither branches nor tuple elements.

    A constant with several assignments is taken for the first of `names` that is one of them.
    """
    if edit.name in names or edit.name.startswith("move:"):
        return [edit]
    branch = next((name for name in names if name.startswith(f"{edit.name}@")), "")
    if branch and "[" not in branch:
        return [Edit(name=branch, old=edit.old, new=edit.new)]
    if f"{edit.name}[0]" not in names:
        return [edit]
    old, new = (source.strip("()[] ").split(",") for source in (edit.old, edit.new))
    pairs = enumerate(zip(old, new, strict=False))
    return [
        Edit(name=f"{edit.name}[{i}]", old=a.strip(), new=b.strip())
        for i, (a, b) in pairs
        if a.strip() != b.strip()
    ]


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


def points(
    history: History, current: str, present: Mapping[str, str], active: Sequence[str] = ()
) -> list[Point]:
    """All experiments as full settings, given the `present` knobs of the commit `current`.

    An edit only says what changed, so settings are rebuilt along the parents; a knob that no
    ancestor touched has the value that it had before its first recorded edit. `active` are the
    knobs that a bare name may mean.
    """
    every = known(history)
    names = active or list(present)
    steps = {
        commit: [one for edit in edits(each) for one in named(edit, names)]
        for commit, each in every.items()
    }
    # a keep that needed a merge is known by the commit that the branch moved to, too
    other = {e.decision.new: c for c, e in every.items() if e.decision and e.decision.new}
    changes: dict[str, dict[str, str]] = {}
    for commit in every:
        _changes(commit, every, steps, other, changes)
    root = {name: value for name, value in present.items() if name not in changes.get(current, {})}
    for experiment in sorted(every.values(), key=lambda each: each.seq):
        for edit in steps[experiment.commit]:
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
    commit: str,
    every: Mapping[str, Experiment],
    steps: Mapping[str, list[Edit]],
    other: Mapping[str, str],
    done: dict[str, dict[str, str]],
) -> None:
    """Fill `done` with what differs from the untouched file, without recursion: chains are long."""
    chain: list[str] = []
    now = commit
    while now in every and now not in done and now not in chain:  # a damaged trail may circle
        chain.append(now)
        plan = every[now].plan
        parent = plan.parent if plan else ""
        now = parent if parent in every else other.get(parent, parent)
    state = done.get(now, {})
    for each in reversed(chain):
        state = {**state, **{edit.name: edit.new for edit in steps[each]}}
        done[each] = state
