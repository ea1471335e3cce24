"""The records: one JSON line each, the same shape on the trail, in the pipe and in fixtures.

`Event` is one line of the trail. `Experiment` is all that the events of one commit say; it is
what the verbs pass to each other. Values and deltas are in the metric's own unit and sign; times
are seconds (durations, or since 1970 in UTC). Readers ignore fields that they do not know.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

VERSION = 1

KINDS = (
    *("propose", "start", "run", "review", "decision", "remark", "merge"),
    "rewrite",  # a commit was amended or rebased: `rewritten` has the same target files
    "non-proposal",  # an agent was asked and gave nothing to try: what it cost, and why
)
EMITTERS = (
    "local_tuner",
    "optimizer_hacker",
    "architecture_mutator",
    "simplifier",
    "contrarian",
    "recombinator",
    "anomaly_chaser",
)
PHASES = ("baseline", "explore", "exploit", "recombine", "stabilize")
OUTCOMES = ("ok", "crash", "oom", "timeout", "nan", "no-metric", "killed", "stopped", "harness")
KEEPS = ("keep", "keep-unconfirmed")  # verdicts that move the research branch
VERDICTS = (
    "keep",
    "keep-unconfirmed",
    "near-miss",
    "retest",
    "discard",
    "crash",
    "invalid",
)


def _version() -> int:
    return VERSION  # a factory, because omit_defaults would leave a plain default out


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Base of all records: immutable, and silent about what is at its default."""


class Edit(Record, frozen=True):
    """One knob that changed: its name, and its old and new value as Python source."""

    name: str
    old: str
    new: str


class Plan(Record, frozen=True):
    """What is to be tried and why, said before the run."""

    emitter: str  # one of EMITTERS, or "baseline", "person", "agent", "replicate"
    phase: str  # one of PHASES
    change: str  # the change in one line
    parent: str  # the commit that it starts from; "" for the baseline
    hypothesis: str = ""
    expected: float | None = None  # expected change of the metric, in its own unit and sign
    builds_on: tuple[str, ...] = ()  # experiments that the idea comes from
    edits: tuple[Edit, ...] = ()
    agent: dict[str, Any] = {}  # who wrote it: command, model, tokens, cost, session


class Lease(Record, frozen=True):
    """A run in flight: who holds which slot until when."""

    run: str
    pid: int
    slot: str
    until: float  # after this time the run counts as dead
    backend: str = "local"
    seed: int | None = None
    budget: dict[str, tuple[float, float]] = {}  # of its loop: (spent, limit) of each


class Run(Record, frozen=True):
    """One execution of an experiment: what the runner measured, whatever happened."""

    run: str  # unique id of this execution
    outcome: str  # one of OUTCOMES
    seconds: float  # wall time of the command
    klass: str = msgspec.field(name="class")  # contract id + hardware: only these are compared
    value: float | None = None  # the metric; None unless outcome is "ok"
    metrics: dict[str, float] = {}  # everything else that the summary block says
    seed: int | None = None
    exit: int | None = None
    signature: str = ""  # of a crash: exception, innermost frame, message without numbers
    detail: str = ""  # one cleaned line for people: what went wrong, or why it is in doubt
    curve: tuple[tuple[float, float], ...] = ()  # (share of the budget, loss), about 32 points
    hardware: dict[str, Any] = {}  # fingerprint of the machine
    checks: dict[str, Any] = {}  # integrity: each check's name and what it found
    cached: str = ""  # the run whose result this one repeats, if it was not executed
    backend: str = "local"
    cost: float = 0.0  # in US dollars, where the backend knows it


class Scores(Record, frozen=True):
    """The six scores of a review, each on one scale from 0 to 1 (costs count against)."""

    fitness: float = 0.0
    novelty: float = 0.0
    information: float = 0.0
    surprise: float = 0.0
    complexity: float = 0.0
    memory: float = 0.0
    total: float = 0.0


class Review(Record, frozen=True):
    """What a run taught: kind of change, niche, scores, and how sure we are."""

    klass: str = msgspec.field(name="class")
    runs: tuple[str, ...]  # the runs that it judges
    verdict: str  # one of VERDICTS
    reason: str  # one sentence
    metric: str = ""  # its name and direction, so that a reader needs no contract
    minimize: bool = True
    category: str = ""  # of the change: optimizer, schedule, architecture, ...
    niche: str = ""  # cell of the behaviour space; "" when nothing was measured
    value: float | None = None  # the mean of its runs
    n: int = 0
    low: float | None = None  # 95% interval of the true value, after shrinkage
    high: float | None = None
    delta: float | None = None  # value minus the incumbent's, in the metric's sign
    best: float | None = None  # the incumbent's value that it was compared with
    sigma: float | None = None  # noise of one run, as assumed
    p_better: float | None = None  # probability that it truly beats the incumbent
    additivity: str = ""  # of a merge: whether its parents' effects added up, in words
    scores: Scores = Scores()
    size: dict[str, int] = {}  # hunks, added, removed, net syntax nodes
    edits: tuple[Edit, ...] = ()
    signature: str = ""
    warnings: tuple[str, ...] = ()


class Decision(Record, frozen=True):
    """What was done with the review: the verdict, and how the research branch moved."""

    klass: str = msgspec.field(name="class")
    verdict: str  # one of VERDICTS
    reason: str
    entered: bool = False  # it became its niche's elite, near the incumbent's value
    branch: str = ""  # full ref name
    old: str = ""  # where it was and where it went, if it moved
    new: str = ""


class Standing(Record, frozen=True):
    """How an experiment was judged in one class."""

    review: Review | None = None
    decision: Decision | None = None


class Event(Record, frozen=True):
    """One line of the trail. `seq` is a Lamport clock: (seq, id) orders events in every clone."""

    kind: str
    id: str = ""
    seq: int = 0
    time: float = 0.0
    host: str = ""
    v: int = msgspec.field(default_factory=_version)
    commit: str = ""  # the experiment; "" for a merge or a remark on the whole research
    contract: str = ""
    tree: str = ""  # of the experiment, said once by its propose event
    program: str = ""  # hash of what its target files do, layout and comments left out
    plan: Plan | None = None
    lease: Lease | None = None
    run: Run | None = None
    review: Review | None = None
    decision: Decision | None = None
    remark: str = ""
    rewritten: str = ""


class Experiment(Record, frozen=True, tag_field="kind", tag="experiment"):
    """All that is known of one commit: the fold of its events, and the record of the pipe."""

    commit: str
    v: int = msgspec.field(default_factory=_version)
    seq: int = 0  # of its first event
    time: float = 0.0  # of its first event
    tree: str = ""
    program: str = ""
    contract: str = ""
    plan: Plan | None = None
    lease: Lease | None = None  # set while a run is in flight
    runs: tuple[Run, ...] = ()
    review: Review | None = None
    decision: Decision | None = None
    elsewhere: dict[str, Standing] = {}  # in other classes than that of its latest run
    again: bool = False  # proposed once more, to be run with another seed
    remarks: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The decision's verdict, else how far the experiment has come."""
        if self.decision:
            return self.decision.verdict
        if self.review:
            return "reviewed"
        if self.lease:
            return "running"
        return "ran" if self.runs else "proposed"

    @property
    def klass(self) -> str:
        """The class of its latest run, "" before the first one."""
        return next((run.klass for run in reversed(self.runs) if run.klass), "")

    @property
    def value(self) -> float | None:
        """The reviewed value, else the latest run's."""
        if self.review and self.review.value is not None:
            return self.review.value
        return self.runs[-1].value if self.runs else None


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """The record as one canonical JSON line (keys sorted, no newline)."""
    return msgspec.json.encode(record, order="sorted")


def decode(line: bytes | str, into: type[R]) -> R:
    """Read one JSON line; raises msgspec.ValidationError or msgspec.DecodeError."""
    return msgspec.json.decode(line, type=into)


def fold(experiment: Experiment | None, event: Event) -> Experiment:
    """The experiment after one more of its events. Feed events in the order of (seq, id)."""
    now = experiment or Experiment(commit=event.commit, seq=event.seq, time=event.time)
    changes: dict[str, Any] = {}
    if event.plan and not now.plan:
        changes |= {"plan": event.plan, "contract": event.contract}
        changes |= {"tree": event.tree, "program": event.program}
    elif event.plan:
        changes["again"] = True
    if event.lease:
        changes["lease"] = event.lease
    if event.run:
        if all(event.run.run != run.run for run in now.runs):
            changes |= {"runs": (*now.runs, event.run), "again": False}
            changes |= _turned_to(now, event.run.klass)
        if now.lease and now.lease.run == event.run.run:
            changes["lease"] = None
    changes |= _judged(now, event)
    if event.remark:
        changes["remarks"] = (*now.remarks, event.remark)
    return msgspec.structs.replace(now, **changes)


def _judged(now: Experiment, event: Event) -> dict[str, Any]:
    """Where a review or a decision goes: it may be of a class that it was run in before."""
    said: dict[str, Review | Decision | None] = {"review": event.review, "decision": event.decision}
    said = {name: what for name, what in said.items() if what}
    klass = next((what.klass for what in said.values() if what), now.klass)
    if klass == now.klass or not now.klass:
        return said
    there = msgspec.structs.replace(now.elsewhere.get(klass, Standing()), **said)
    return {"elsewhere": {**now.elsewhere, klass: there}}


def within(experiment: Experiment, klass: str) -> Experiment:
    """The experiment as one class knows it: its runs there, and how they were judged."""
    if klass == experiment.klass:
        return experiment
    there = experiment.elsewhere.get(klass, Standing())
    return msgspec.structs.replace(
        experiment,
        runs=tuple(run for run in experiment.runs if run.klass == klass),
        review=there.review,
        decision=there.decision,
        elsewhere={},
    )


def classes(experiment: Experiment) -> tuple[str, ...]:
    """The classes that it was run in, the latest one first; ("",) before any run."""
    others = {run.klass for run in experiment.runs if run.klass} - {experiment.klass}
    return (experiment.klass, *sorted(others))


def _turned_to(now: Experiment, klass: str) -> dict[str, Any]:
    """What changes when an experiment is run in another class than before."""
    if klass in ("", now.klass) or not now.klass:
        return {}
    left = Standing(review=now.review, decision=now.decision)
    elsewhere = {**now.elsewhere, now.klass: left}
    back = elsewhere.pop(klass, Standing())
    return {"elsewhere": elsewhere, "review": back.review, "decision": back.decision}
