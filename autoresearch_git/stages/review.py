"""Review: turn runs into knowledge, one review event an experiment."""

from __future__ import annotations

from msgspec.structs import replace

from autoresearch_git.emitters.recombinator import additivity
from autoresearch_git.errors import ArError, NoBaselineError
from autoresearch_git.records import Event, Experiment, Review
from autoresearch_git.research import Research
from autoresearch_git.review.change import classify
from autoresearch_git.review.judge import judge
from autoresearch_git.stages.propose import targets


def review(research: Research, experiment: Experiment, *, force: bool = False) -> Experiment:
    """Judge an experiment's runs against its class; what was judged already is left as it is."""
    if not experiment.runs:
        raise ArError(
            f"{experiment.commit[:9]} has not been run", f"git ar run {experiment.commit[:9]}"
        )
    before = experiment.review.runs if experiment.review else ()
    if not force and set(before) == {run.run for run in experiment.runs}:
        return experiment
    return _record(research, experiment, _judged(research, experiment))


def renewed(research: Research, experiment: Experiment) -> Experiment:
    """Reviewed again if the branch moved on, so that its review would say something else now."""
    found = _judged(research, experiment)
    if experiment.review and found.verdict == experiment.review.verdict:
        return experiment
    return _record(research, experiment, found)


def _record(research: Research, experiment: Experiment, found: Review) -> Experiment:
    research.memory.append(Event(kind="review", commit=experiment.commit, review=found))
    return research.memory.experiment(experiment.commit) or experiment


def _judged(research: Research, experiment: Experiment) -> Review:
    """What a review says now, against the branch as it stands; NoBaselineError."""
    parent = experiment.plan.parent if experiment.plan else ""
    old = targets(research, parent) if parent else targets(research, experiment.commit)
    change = classify(old, targets(research, experiment.commit))
    research.reload()
    history = research.history(experiment.klass)
    first = experiment.tree == research.repo.tree(research.tip) or (
        experiment.plan is not None and experiment.plan.emitter == "baseline"
    )  # commits made by hand may have moved the tip on
    if not history.baseline and not first:
        raise _no_baseline(research, experiment)
    found = judge(experiment, change, history)
    return replace(
        found,
        metric=research.contract.metric,
        minimize=research.contract.minimize,
        additivity=additivity(experiment, found.delta, history.sigma, history.minimize),
    )


def _no_baseline(research: Research, experiment: Experiment) -> NoBaselineError:
    tip, short = research.memory.experiment(research.tip), research.tip[:9]
    if tip and tip.klass == experiment.klass and tip.review:
        about = f"{short} is to be compared with, but was not selected yet"
        return NoBaselineError(about, f"select it first: git ar select {short}")
    own = experiment.commit[:9]
    return NoBaselineError(
        f"nothing was run in class {experiment.klass} to compare {own} with",
        f"run the tip there, with the same --jobs: git ar run --replicate {short} | git ar review "
        f"| git ar select; then git ar review {own} | git ar select",
    )
