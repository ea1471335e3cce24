"""One question: what to try next. Phase, emitter, parent, idea, novelty gate, in this order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from autoresearch_git.emitters import EMITTERS
from autoresearch_git.emitters.base import Context, Files, Proposal
from autoresearch_git.errors import ArError, DuplicateError
from autoresearch_git.history import History
from autoresearch_git.records import Experiment, Plan
from autoresearch_git.search import archive, novelty, scheduler, space
from autoresearch_git.search.phase import phase as phase_of

RISK = 0.3  # a proposal more likely to crash than this is not worth a run
SAMPLES = 3  # of one emitter, before the next one is asked
FROM_ARCHIVE = {"exploit": 0.0, "explore": 0.3, "recombine": 0.1}  # share with another parent


def ask(
    history: History,
    tip: str,
    *,
    read: Callable[[str], Files],
    merge: Callable[[str, str], Files | None],
    tried: Callable[[Files], str | None],
    rng: random.Random,
    emitter: str | None = None,
    among: Sequence[str] = tuple(EMITTERS),
) -> tuple[Plan, Proposal]:
    """The plan of the next experiment and its changed files.

    `tip` is the commit that the research stands on: the first experiment is its untouched files.
    `read` gives the target files of a commit, `merge` a three-way merge of two (None on
    conflict), `tried` the experiment that had exactly these files. The scheduler chooses `among`
    these emitters, unless one is asked for by its name. Raises DuplicateError when
    all ideas were tried already, and ArError when no emitter has an idea.
    """
    phase = phase_of(history)
    if history.baseline is None and emitter is None:
        return _baseline(read(tip))
    if emitter is not None and emitter not in EMITTERS:
        raise ArError(f"there is no emitter {emitter!r}", f"one of: {', '.join(EMITTERS)}")
    names = [emitter] if emitter else scheduler.order(history, phase, rng, among)
    contexts = _Contexts(history, tip, phase, read, merge, tried, rng)
    duplicate: str | None = None
    for name in names:
        context = contexts.of(name)
        for proposal in _samples(name, context):
            known = _known(context, proposal)
            if known is not None:
                duplicate = known
            elif emitter or _risk(context, proposal) < RISK:
                return _plan(name, context, proposal), proposal
    raise _nothing(contexts.of(names[0]), names, duplicate)


def _baseline(files: Files) -> tuple[Plan, Proposal]:
    plan = Plan(
        emitter="baseline",
        phase="baseline",
        change="baseline: the untouched files",
        parent="",
        hypothesis="what the untouched files reach is what every change is compared with",
    )
    return plan, Proposal(files=files, change=plan.change, hypothesis=plan.hypothesis)


class _Contexts:
    """Contexts by parent: emitters that start from the same commit share its model."""

    def __init__(
        self,
        history: History,
        tip: str,
        phase: str,
        read: Callable[[str], Files],
        merge: Callable[[str, str], Files | None],
        tried: Callable[[Files], str | None],
        rng: random.Random,
    ) -> None:
        self.history, self.tip, self.phase = history, tip, phase
        self.read, self.merge, self.tried, self.rng = read, merge, tried, rng
        self.made: dict[str, Context] = {}

    def of(self, emitter: str) -> Context:
        parent = self._parent(emitter)
        if parent.commit not in self.made:
            self.made[parent.commit] = Context(
                history=self.history,
                phase=self.phase,
                parent=parent,
                files=self.read(parent.commit),
                rng=self.rng,
                read=self.read,
                merge=self.merge,
                tried=self.tried,
            )
        return self.made[parent.commit]

    def _parent(self, emitter: str) -> Experiment:
        home = archive.home(self.history) or Experiment(commit=self.tip)
        if emitter in ("simplifier", "recombinator") or self.history.baseline is None:
            return home
        if self.rng.random() >= FROM_ARCHIVE.get(self.phase, 0.0):
            return home
        return archive.parent(self.history, self.rng)


def _samples(name: str, context: Context) -> Iterator[Proposal]:
    for _ in range(SAMPLES):
        proposal = EMITTERS[name].propose(context)
        if proposal is None:
            return
        yield proposal


def _risk(context: Context, proposal: Proposal) -> float:
    """How likely the model holds a crash; a wanted repetition is never too risky."""
    model = context.insight.model
    if model is None or proposal.replicate or not proposal.edits:
        return 0.0
    return model.risk_of(_setting(context, proposal))


def _setting(context: Context, proposal: Proposal) -> dict[str, str]:
    """All knobs of the proposal, and the structural moves in it."""
    return {**context.insight.present, **{edit.name: edit.new for edit in proposal.edits}}


def _known(context: Context, proposal: Proposal) -> str | None:
    """The experiment that makes this proposal pointless; a wanted replicate never is."""
    if proposal.replicate:
        return None
    same = context.tried(proposal.files)
    if same is not None:
        return same
    if _formatting(context, proposal):
        return context.parent.commit
    if not proposal.edits:
        return None  # a change of the text: only its tree says whether it is new
    setting = _setting(context, proposal)
    return novelty.seen(setting, context.insight.points, context.insight.reading.knobs)


def _formatting(context: Context, proposal: Proposal) -> bool:
    """Whether nothing changed but the layout; a knob with another value spares the parsing."""
    moved = any(space.parse(edit.old) != space.parse(edit.new) for edit in proposal.edits)
    return not moved and novelty.equivalent(context.files, proposal.files)


def _plan(name: str, context: Context, proposal: Proposal) -> Plan:
    parents = proposal.parents or (context.parent.commit,)
    return Plan(
        emitter="replicate" if proposal.replicate else name,
        phase=context.phase,
        change=proposal.change,
        parent=parents[0],
        hypothesis=proposal.hypothesis,
        expected=proposal.expected,
        builds_on=proposal.builds_on,
        edits=proposal.edits,
    )


def _nothing(context: Context, names: list[str], duplicate: str | None) -> ArError:
    reading = context.insight.reading
    if duplicate is not None:
        return DuplicateError(
            "every idea that came up was tried already",
            duplicate,
            "give the knobs wider ranges (# ar: low..high), or let an agent propose",
        )
    reasons = list(reading.warnings)
    if not reading.knobs:
        reasons.append("the target files have no top-level constants")
    why = "; ".join(reasons) or f"asked: {', '.join(names)}"
    return ArError(
        f"no emitter has an idea ({why})",
        "add constants such as `LEARNING_RATE = 3e-4  # ar: 1e-4..1e-2 log`, "
        "or set ar.agent and let an agent propose",
    )
