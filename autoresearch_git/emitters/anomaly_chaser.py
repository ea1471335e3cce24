"""Surprises: run a doubtful win again, halve a crash or a loss until its cause is alone."""

from __future__ import annotations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.turn import change
from autoresearch_git.history import History
from autoresearch_git.records import Experiment
from autoresearch_git.search.points import crashed
from autoresearch_git.search.points import edits as edits_of

WINDOW = 30
SURPRISE = 4.0  # in sigmas between what was expected and what came


def propose(context: Context) -> Proposal | None:
    for each in anomalies(context.history):
        proposal = repeat(context, each) if _win(context.history, each) else isolate(context, each)
        if proposal is not None:
            return proposal
    return None


def anomalies(history: History) -> list[Experiment]:
    """Recent surprises, the greatest first; what was looked into already is left out."""
    done = {commit for each in history.recent if each.plan for commit in _followed(each)}
    scored = [
        (surprise(history, each), each.seq, each)
        for each in history.recent[-WINDOW:]
        if each.commit not in done
    ]
    scored = [item for item in scored if item[0] >= SURPRISE]
    return [each for _, _, each in sorted(scored, key=lambda item: (-item[0], -item[1]))]


def _followed(each: Experiment) -> tuple[str, ...]:
    chased = each.plan is not None and each.plan.emitter in ("anomaly_chaser", "replicate")
    return each.plan.builds_on if each.plan and chased else ()


def surprise(history: History, each: Experiment) -> float:
    """How far the result lies from what was expected, in sigmas; a new crash counts 6."""
    if crashed(each):
        signature = each.runs[-1].signature if each.runs else ""
        return 6.0 if history.signatures.get(signature, 0) <= 1 else 0.0
    if each.review is None or each.review.delta is None or len(each.runs) > 1:
        return 0.0
    expected = each.plan.expected if each.plan and each.plan.expected is not None else 0.0
    return abs(each.review.delta - expected) / max(history.sigma, 1e-12)


def _win(history: History, each: Experiment) -> bool:
    delta = each.review.delta if each.review else None
    return delta is not None and history.gain(0.0, delta) > 0


def repeat(context: Context, each: Experiment) -> Proposal | None:
    """The same commit again with another seed: is the win real?"""
    short = each.commit[:9]
    return Proposal(
        files=context.read(each.commit),
        change=f"run {short} again",
        hypothesis=f"the win of {short} is luck and will shrink with another seed",
        expected=each.review.delta if each.review else None,
        builds_on=(each.commit,),
        replicate=each.commit,
    )


def isolate(context: Context, each: Experiment) -> Proposal | None:
    """Half of the edits of a crash or loss, on the present parent."""
    edits = [e for e in edits_of(each) if e.name in context.insight.reading.named()]
    if len(edits) < 2:
        return None
    half = context.rng.sample(edits, len(edits) // 2)
    short = each.commit[:9]
    names = " and ".join(e.name for e in half)
    why = f"of the {len(edits)} edits of {short}, {names} is not to blame"
    return change(context, {e.name: e.new for e in half}, why, None, (each.commit,))
