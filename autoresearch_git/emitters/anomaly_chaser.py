"""Surprises: run a doubtful win again, halve a crash or a loss until its cause is alone."""

from __future__ import annotations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.turn import change
from autoresearch_git.history import History
from autoresearch_git.records import Edit, Experiment
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
    """Recent surprises, the greatest first; a win that was run again and a follow-up that failed
    like the one before it are none.
    """
    scored = [
        (surprise(history, each), each.seq, each)
        for each in history.recent[-WINDOW:]
        if (not follow_ups(history, each) if _win(history, each) else not _chases(each))
    ]
    scored = [item for item in scored if item[0] >= SURPRISE]
    return [each for _, _, each in sorted(scored, key=lambda item: (-item[0], -item[1]))]


def follow_ups(history: History, each: Experiment) -> list[Experiment]:
    """The experiments that looked into this one."""
    later = {one.commit: one for one in (*history.recent, *history.running) if _chases(one)}
    return [one for one in later.values() if one.plan and each.commit in one.plan.builds_on]


def _chases(each: Experiment) -> bool:
    return each.plan is not None and each.plan.emitter in ("anomaly_chaser", "replicate")


def surprise(history: History, each: Experiment) -> float:
    """How far the result lies from what was expected, in sigmas; a new crash counts 6."""
    if crashed(each):
        signature = each.runs[-1].signature if each.runs else ""
        new = history.signatures.get(signature, 0) <= 1 or follow_ups(history, each)
        return 6.0 if new else 0.0
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
    """Half of the edits of a crash or loss that may still be its cause, on the present parent."""
    left = suspects(context.history, each)
    edits = [e for e in left if e.name in context.insight.reading.named()]
    if len(edits) < 2:
        return None
    half = context.rng.sample(edits, len(edits) // 2)
    short = each.commit[:9]
    names = " and ".join(e.name for e in half)
    why = f"of the {len(edits)} edits of {short} that may be to blame, {names} is not"
    return change(context, {e.name: e.new for e in half}, why, None, (each.commit,))


def suspects(history: History, each: Experiment) -> list[Edit]:
    """The edits of a failure that its follow-ups have not cleared; none while one is under way."""
    left = list(edits_of(each))
    for one in follow_ups(history, each):
        names = {edit.name for edit in edits_of(one)}
        if not one.runs:
            return []
        guilty = crashed(one) if crashed(each) else surprise(history, one) >= SURPRISE
        left = [edit for edit in left if (edit.name in names) == guilty]
    return left
