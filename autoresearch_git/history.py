"""What the past of one class offers to review and search: bounded, however many runs there are.

Memory fills it, the pure layers read it. All values are as measured (raw sign); `gain` turns two
of them into "how much better", positive whatever the metric's direction.
"""

from __future__ import annotations

from collections.abc import Iterable

from autoresearch_git.records import Experiment, Record

RECENT = 1000  # experiments that a history holds; enough for any numeric model


PROGRESS = 2.0  # sigmas that keeps must gain in all to count as one


class Tally(Record, frozen=True):
    """Counts of one emitter (or category) over all time."""

    tries: int = 0  # experiments with a decision
    wins: int = 0  # entered the archive, or were kept
    crashes: int = 0  # crash, oom, nan, timeout, no metric
    seconds: float = 0.0  # of run time


class History(Record, frozen=True):
    """The state of the research in one class, oldest experiments first where order matters."""

    klass: str
    contract: str
    metric: str
    minimize: bool
    sigma: float  # the contract's prior noise of one run, in the metric's unit
    baseline: Experiment | None = None
    incumbent: Experiment | None = None  # the newest kept one: tip of the research branch
    best: Experiment | None = None  # the best reviewed value of a valid run
    elites: dict[str, Experiment] = {}  # by niche
    near_misses: tuple[Experiment, ...] = ()
    recent: tuple[Experiment, ...] = ()  # the last RECENT, whatever became of them
    running: tuple[Experiment, ...] = ()  # proposed or started, without a decision yet
    count: int = 0  # experiments in all
    emitters: dict[str, Tally] = {}
    categories: dict[str, Tally] = {}
    niches: dict[str, int] = {}  # experiments that landed there
    signatures: dict[str, int] = {}  # crashes by signature
    stall: int = 0  # decisions since the last keep
    plateau: int = 0  # decisions since `last_gain`: keeps within the noise do not count
    replicates: tuple[tuple[float, ...], ...] = ()  # values of experiments that ran more than once
    steers: tuple[str, ...] = ()  # people's wishes for the next proposals, newest last

    def gain(self, old: float, new: float) -> float:
        """How much better new is than old, in the metric's unit."""
        return old - new if self.minimize else new - old


def forgetful(history: History) -> History:
    """What plain hill-climbing knows of it: where it stands, and nothing of what was tried."""
    here = history.incumbent or history.baseline
    return History(
        klass=history.klass,
        contract=history.contract,
        metric=history.metric,
        minimize=history.minimize,
        sigma=history.sigma,
        baseline=here,
        incumbent=here,
        count=history.count,
        steers=history.steers,
    )


def last_gain(keeps: Iterable[Experiment]) -> Experiment | None:
    """The keep since which the incumbent has gained no more than the noise; the newest come first.

    Some runs look better by luck and are kept. They gain little, one after the other, and must
    not hide that nothing has helped for long.
    """
    newest: float | None = None
    for each in keeps:
        review = each.review
        newest = each.value if newest is None else newest
        if review is None or review.best is None or newest is None:
            return each  # the first of all
        gain = review.best - newest if review.minimize else newest - review.best
        if gain > PROGRESS * (review.sigma or 0.0):
            return each
    return None
