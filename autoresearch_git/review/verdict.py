"""The verdict of a review and its reason in one sentence: an ordered list of rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autoresearch_git.clean import clean
from autoresearch_git.history import History
from autoresearch_git.records import KEEPS, Experiment, Run
from autoresearch_git.review.audit import Audit
from autoresearch_git.review.change import NONE, REPLICATE, Change
from autoresearch_git.review.evidence import Evidence
from autoresearch_git.review.noise import CONTENDED

CONFIRM = 0.975  # probability of being better that confirms a keep, with at least SEEDS seeds
SEEDS = 2
REFUTED = "its replicates do not bear out the gain"  # how such a reason begins
ACCEPT = 0.5  # enough for the search to go on from it
CLOSE = 0.1  # enough to be remembered as a near miss
FAILED = ("crash", "oom", "timeout", "nan", "no-metric")
WORDS = {
    "crash": "crashed",
    "oom": "ran out of memory",
    "timeout": "ran into the outer time limit",
    "nan": "diverged",
    "no-metric": "printed no usable metric",
}


@dataclass(frozen=True)
class Case:
    """All that a verdict rests on."""

    experiment: Experiment
    change: Change
    history: History
    runs: tuple[Run, ...]
    reference: Experiment | None
    evidence: Evidence | None
    only_contended: bool = False
    audits: tuple[Audit, ...] = ()  # of its runs


Ruling = tuple[str, str] | None


def decide(case: Case) -> tuple[str, str]:
    """(verdict, reason): the first rule that applies."""
    rules: tuple[Callable[[Case], Ruling], ...] = (_invalid, _no_value, _baseline, _same_program)
    for rule in rules:
        found = rule(case)
        if found:
            return found
    return _compared(case)


def warnings(case: Case) -> tuple[str, ...]:
    """What a reader should know beside the verdict."""
    found = []
    failed = [run for run in case.runs if run.outcome in FAILED]
    if case.evidence and failed:
        found.append(f"{len(failed)} of {len(case.runs)} runs failed: {failed[-1].outcome}")
    contended = sum(bool(run.checks.get(CONTENDED)) for run in case.runs)
    if contended:
        found.append(f"{contended} of {len(case.runs)} runs shared their device")
    found += [text for audit in case.audits for text in audit.warnings]
    return tuple(dict.fromkeys(found))


def was_kept(experiment: Experiment) -> bool:
    """Whether the search went on from it at some time, even if its replicates refuted it since."""
    if experiment.decision and experiment.decision.verdict in KEEPS:
        return True
    return bool(experiment.review and experiment.review.reason.startswith(REFUTED))


def _invalid(case: Case) -> Ruling:
    broken = [name for audit in case.audits for name in audit.violations]
    if not broken:
        return None
    return "invalid", f"the result cannot be trusted: {'; '.join(dict.fromkeys(broken))}"


def _no_value(case: Case) -> Ruling:
    if case.evidence:
        return None
    failed = [run for run in case.runs if run.outcome in FAILED]
    if failed:
        said = failed[-1].detail or failed[-1].signature
        return "crash", _sentence(f"it {WORDS[failed[-1].outcome]}", said)
    stopped = [run for run in case.runs if run.outcome == "stopped"]
    if stopped:
        said = stopped[-1].detail
        return "discard", _sentence("stopped early, too unlikely to beat the incumbent", said)
    if not case.runs:
        return "retest", "it has not run in this class yet"
    said = case.runs[-1].detail
    if case.runs[-1].outcome == "harness":
        return "retest", _sentence("the machinery failed, not the experiment", said)
    return "retest", _sentence("the run was ended from outside, which says nothing", said)


def _baseline(case: Case) -> Ruling:
    if case.reference is None or case.reference.value is None:
        return "keep", "the baseline: there is nothing yet to compare it with"
    return None


def _same_program(case: Case) -> Ruling:
    planned = case.experiment.plan.emitter if case.experiment.plan else ""
    if case.change.category == REPLICATE:
        return "discard", "only the seed differs, so its value counts as a replicate of the parent"
    if case.change.category == NONE and planned != "replicate":
        return "discard", "the program is the parent's, so there is nothing to compare"
    return None


def _compared(case: Case) -> tuple[str, str]:
    evidence = case.evidence
    if evidence is None or evidence.p_better is None or evidence.gain is None:
        return "retest", "there is nothing to compare it with"  # a reference without a value
    p, seeds, sigma = evidence.p_better, evidence.seeds, evidence.sigma
    how = f"P(better) {p:.2f}, expected gain {evidence.gain.mean / sigma:.1f} sigma"
    n = f"{seeds} seed" + ("s" if seeds > 1 else "")
    if p >= CONFIRM and seeds >= SEEDS and not case.only_contended:
        return "keep", f"better than {_name(case)} on {n}: {how}"
    if p >= ACCEPT:
        return "keep-unconfirmed", f"probably better than {_name(case)}, but on {n} only: {how}"
    if case.only_contended and evidence.n < SEEDS:  # once: a slow program is always late
        return "retest", f"its device was shared, so its value is no fair measure: {how}"
    if was_kept(case.experiment):
        return "discard", f"{REFUTED} over {_name(case)}: {how}"
    if p >= CLOSE:
        return "near-miss", f"too close to {_name(case)} to tell on {n}: {how}"
    return "discard", f"not better than {_name(case)}: {how}"


def _name(case: Case) -> str:
    tip = case.history.incumbent
    if tip and case.reference and case.reference.commit == tip.commit:
        return "the incumbent"
    return "its parent"


def _sentence(start: str, said: str) -> str:
    said = clean(said, 140)
    return f"{start}: {said}" if said else start
