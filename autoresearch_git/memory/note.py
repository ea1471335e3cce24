"""The review as people read it under `git log --notes=ar`: a dozen lines that end in trailers."""

from __future__ import annotations

from collections.abc import Mapping

from autoresearch_git.clean import clean
from autoresearch_git.records import Experiment, Review

SCORES = ("fitness", "novelty", "information", "surprise", "complexity", "memory")


def render(experiment: Experiment) -> str:
    """The note of an experiment; depends on nothing but the experiment."""
    review, plan = experiment.review, experiment.plan
    lines = [_headline(experiment)]
    if plan and plan.hypothesis:
        lines.append(f"Idea: {clean(plan.hypothesis, 160)}")
        lines += _borne_out(experiment)
    if review and review.additivity:
        lines.append(f"Merge: {clean(review.additivity, 120)}")
    if plan and plan.change:
        lines.append(f"Change: {clean(plan.change, 120)}{_size(review)}")
    if review:
        lines.append(f"Reason: {clean(review.reason, 240)}")
        lines += _unseen(experiment)
        lines += [f"Warning: {clean(text, 160)}" for text in review.warnings[:2]]
    elif experiment.runs:
        run = experiment.runs[-1]
        lines.append(f"Run: {clean(run.outcome, 20)}, {run.seconds:.0f} s, not reviewed yet")
    return "\n".join(lines) + "\n\n" + "\n".join(_trailers(experiment)) + "\n"


def _headline(experiment: Experiment) -> str:
    review, plan = experiment.review, experiment.plan
    words = [experiment.verdict.upper() if not review else _verdict(experiment).upper()]
    if review and review.value is not None:
        words.append(clean(f"{review.metric} {_number(review.value)}", 80))
        if review.delta is not None:
            words.append(f"({review.delta:+.6f})")
        if review.low is not None and review.high is not None:
            words.append(f"true value {_number(review.low)} to {_number(review.high)}")
    elif review and review.signature:
        words.append(clean(review.signature, 120))
    if plan:
        words.append(f"by {clean(plan.emitter, 40)}")
    return " ".join(words)


def _verdict(experiment: Experiment) -> str:
    """The decision's word where one was made, else the review's."""
    if experiment.decision:
        return clean(experiment.decision.verdict, 40)
    return clean(experiment.review.verdict, 40) if experiment.review else "proposed"


def _borne_out(experiment: Experiment) -> list[str]:
    """Whether the measured effect has the sign and half the size that was expected."""
    plan, review = experiment.plan, experiment.review
    if not plan or plan.expected is None or not review or review.delta is None:
        return []
    sign = -1 if review.minimize else 1
    hoped, got = sign * plan.expected, sign * review.delta
    noise = (review.sigma or 0.0) * 1.5
    if abs(hoped) <= noise:  # nothing that one run could show
        known = "as expected: nothing clear", "better than expected", "worse than expected"
        word = known[0] if abs(got) <= noise else known[1 if got > 0 else 2]
    elif abs(got) <= noise:
        word = "not seen: within the noise"
    elif hoped * got < 0:
        word = "refuted: the other way"
    elif abs(got) < abs(hoped) / 2:
        word = "partly: smaller than expected"
    else:
        word = "borne out"
    return [f"Expected: {plan.expected:+.6f}, {word}"]


def _unseen(experiment: Experiment) -> list[str]:
    """The value on the hold-out, where the evaluation told the runner one, and the gap."""
    for run in reversed(experiment.runs):
        report = run.checks.get("report")
        told = report.get("holdout") if isinstance(report, Mapping) else None
        if isinstance(told, (int, float)) and run.value is not None:
            gap = told - run.value
            return [f"Hold-out: {_number(told)}, {gap:+.6f} from the value of that run"]
    return []


def _size(review: Review | None) -> str:
    if not review or not review.size:
        return ""
    size = review.size
    return (
        f" (+{size.get('added', 0)} -{size.get('removed', 0)} lines, "
        f"{size.get('nodes', 0):+d} nodes)"
    )


def _trailers(experiment: Experiment) -> list[str]:
    review, plan = experiment.review, experiment.plan
    pairs: list[tuple[str, str]] = [("Verdict", _verdict(experiment))]
    if review:
        if review.value is not None:
            pairs.append(("Value", _number(review.value)))
        if review.delta is not None:
            pairs.append(("Delta", f"{review.delta:+.6f}"))
        if review.best is not None:
            pairs.append(("Against", _number(review.best)))
        if review.p_better is not None:
            pairs.append(("P-better", f"{review.p_better:.3f}"))
    if plan:
        pairs.append(("Emitter", clean(f"{plan.emitter} ({plan.phase})", 60)))
    if review:
        if review.niche:
            pairs.append(("Niche", clean(review.niche, 80)))
        parts = ", ".join(f"{name} {getattr(review.scores, name):.2f}" for name in SCORES)
        pairs.append(("Score", f"{review.scores.total:.3f} ({parts})"))
        if review.signature:
            pairs.append(("Signature", clean(review.signature, 200)))
    pairs.append(("Runs", f"{len(experiment.runs)}" + (f" (n {review.n})" if review else "")))
    return [f"{name}: {text}" for name, text in pairs]


def _number(value: float) -> str:
    """Six decimals as the benchmark prints, or six digits where that would show nothing."""
    return f"{value:.6f}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.6g}"


def tag(experiment: Experiment) -> str:
    """The message of its near-miss tag: value, delta, and why it is interesting."""
    review = experiment.review
    reason = clean(review.reason, 240) if review else ""
    return f"{_headline(experiment)}\n\n{reason}\n"
