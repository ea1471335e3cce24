"""Turns the runs of one experiment into a review: verdict, reason, scores, and how sure we are."""

from __future__ import annotations

import math

from autoresearch_git.history import History
from autoresearch_git.records import Experiment, Review, Run, Scores
from autoresearch_git.review import audit, evidence, noise, scores, verdict
from autoresearch_git.review.change import Change
from autoresearch_git.review.niche import niche


def judge(experiment: Experiment, change: Change, history: History) -> Review:
    """Review all runs of one experiment of the history's class against the incumbent.

    An experiment that was kept is compared with its parent, so that replicates of the incumbent
    confirm or refute it.
    """
    runs = [run for run in experiment.runs if run.klass == history.klass]
    usable = evidence.usable(runs)
    against = reference(experiment, history)
    found = evidence.weigh(usable, against, experiment.commit, history) if usable else None
    case = verdict.Case(
        experiment=experiment,
        change=change,
        history=history,
        runs=tuple(runs),
        reference=against,
        evidence=found,
        audits=tuple(audit.recorded(run, history) for run in runs if run.outcome == "ok"),
        only_contended=bool(usable) and all(r.checks.get(noise.CONTENDED) for r in usable),
    )
    word, reason = verdict.decide(case)
    best = found.best if found else None
    cell = niche(change, usable[-1], _base(history)) if usable else ""
    signature = next((run.signature for run in reversed(runs) if run.signature), "")
    parts = _scores(case, cell, signature)
    return Review(
        klass=history.klass,
        runs=tuple(run.run for run in runs),
        verdict=word,
        reason=reason,
        minimize=history.minimize,
        category=change.category,
        niche=cell,
        value=found.value if found else None,
        n=found.n if found else 0,
        low=found.low if found else None,
        high=found.high if found else None,
        delta=found.value - best if found and best is not None else None,
        best=best,
        sigma=found.sigma if found else None,
        p_better=found.p_better if found else None,
        scores=_with_total(parts, word),
        size=change.size,
        edits=change.edits,
        signature=signature,
        warnings=verdict.warnings(case),
    )


def reference(experiment: Experiment, history: History) -> Experiment | None:
    """What an experiment has to beat: the incumbent; for one that was kept, what it replaced."""
    tip = history.incumbent
    if tip is not None and experiment.commit != tip.commit and not verdict.was_kept(experiment):
        return tip
    some = (*history.recent, *history.elites.values(), history.baseline, tip)
    known = {e.commit: e for e in some if e and e.commit != experiment.commit and _valued(e)}
    parent = known.get(experiment.plan.parent) if experiment.plan else None
    replaced = known.get(experiment.decision.old) if experiment.decision else None
    if replaced or (parent and verdict.was_kept(parent)):
        return replaced or parent
    before = [e for e in known.values() if verdict.was_kept(e) and e.seq < experiment.seq]
    return max(before, key=lambda e: (e.seq, e.commit), default=parent)


def _valued(experiment: Experiment | None) -> bool:
    return experiment is not None and experiment.value is not None


def _base(history: History) -> Run | None:
    runs = history.baseline.runs if history.baseline else ()
    return next((run for run in runs if run.outcome == "ok"), None)


def _scores(case: verdict.Case, cell: str, signature: str) -> Scores:
    history, known, change = case.history, case.evidence, case.change
    if known is None:
        return Scores(information=scores.failure_information(history, signature))
    run = case.runs[-1]
    parts = {
        "novelty": scores.novelty(history, cell, change.category),
        "complexity": scores.complexity(change),
        "memory": scores.memory(run, _base(history)),
    }
    if known.gain is not None and known.p_better is not None:
        plan = case.experiment.plan
        expected = (plan.expected if plan else None) or 0.0
        parts |= {
            "fitness": scores.fitness(known.gain, known.sigma),
            "information": scores.information(known.before, known.p_better),
            "surprise": scores.surprise(
                known.gain.mean,
                -expected if history.minimize else expected,
                math.hypot(known.sigma, math.sqrt(known.gain.variance)),
            ),
        }
    return Scores(**{name: round(score, 4) for name, score in parts.items()})


def _with_total(parts: Scores, word: str) -> Scores:
    return Scores(
        fitness=parts.fitness,
        novelty=parts.novelty,
        information=parts.information,
        surprise=parts.surprise,
        complexity=parts.complexity,
        memory=parts.memory,
        total=scores.total(parts, word),
    )
