"""One experiment in full, as lines of text: review, scores, curve, runs, children, verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from autoresearch_git.clean import clean
from autoresearch_git.look.numbers import clock, number
from autoresearch_git.look.rows import class_names, rows, runs
from autoresearch_git.look.spark import spark
from autoresearch_git.look.style import MARKS, Style
from autoresearch_git.look.table import wrap
from autoresearch_git.memory.note import SCORES, render
from autoresearch_git.records import Event, Experiment, Scores

REPEATED = ("Verdict: ", "Value: ", "Delta: ", "Score: ", "Runs: ")  # trailers for plain git


def detail(
    experiment: Experiment,
    children: Sequence[Experiment],
    history: Sequence[Event],
    style: Style,
) -> list[str]:
    """The lines; `history` holds its review and decision events in their order."""
    name = experiment.commit[: max(9, style.width - len("experiment "))]  # cut, it is still a name
    lines = [style.paint(f"experiment {name}", "yellow"), "", *_review(experiment, style)]
    if imported := _imported(experiment):
        lines.append(f"Imported: {imported}")
    lines += _scores(experiment, style)
    lines += _curve(experiment, style)
    if experiment.runs:
        lines += ["", *runs(experiment, style)]
    if len(history) > 1:
        lines += ["", "verdicts"]
        lines += _events(_told_once(history), style)
    if experiment.remarks:
        lines += ["", *(f"remark: {clean(text, 400)}" for text in experiment.remarks)]
    if children:
        lines += ["", f"children ({len(children)})", *rows(children[-20:], style)]
    return [part for line in lines for part in wrap(line, style.width, 2)]


def _review(experiment: Experiment, style: Style) -> list[str]:
    """The note, without what its first line or the lines below say too."""
    head, *rest = render(experiment).splitlines()
    colour = MARKS.get(experiment.verdict, ("", "", None))[2]
    lines = [f"{style.mark(experiment.verdict)} {style.paint(head, colour)}"]
    return lines + [line for line in rest if not line.startswith(REPEATED)]


def _imported(experiment: Experiment) -> str:
    found = experiment.plan.agent.get("imported") if experiment.plan else None
    if not isinstance(found, dict):
        return ""
    return clean(f"{found.get('source', '')} row {found.get('row', '')}, {found.get('how', '')}")


def _scores(experiment: Experiment, style: Style) -> list[str]:
    if not experiment.review or experiment.review.scores == Scores():  # imported
        return []
    full, empty = ("█", "░") if style.unicode else ("#", ".")
    cells = 20 if style.width >= 60 else 10
    lines = [""]
    for name in SCORES:
        value = float(getattr(experiment.review.scores, name))
        filled = round(cells * min(max(value, 0.0), 1.0))
        cost = name in ("complexity", "memory")
        bar = style.paint(full * filled, "red" if cost else "green") + empty * (cells - filled)
        lines.append(f"{name:<12} {bar} {value:.2f}{' (cost)' if cost else ''}")
    return lines


def _curve(experiment: Experiment, style: Style) -> list[str]:
    """The loss of its latest run that kept a curve."""
    found = [run.curve for run in experiment.runs if len(run.curve) > 1]
    if not found:
        return []
    losses = [loss for _, loss in found[-1]]
    line = spark(losses, style, max(8, min(60, style.width - 40)))
    return ["", f"loss {line} {number(losses[0])} to {number(losses[-1])}"]


def _told_once(history: Sequence[Event]) -> list[Event]:
    """Without the decisions that only say what the review before them does."""
    found: list[Event] = []
    for event in history:
        review = found[-1].review if found else None
        said = (review.verdict, review.reason) if review else None
        if event.decision is None or (event.decision.verdict, event.decision.reason) != said:
            found.append(event)
    return found


def _events(history: Sequence[Event], style: Style) -> list[str]:
    """When it was judged, as what and why, and in which class if there were several."""
    said = [(event, what) for event in history if (what := event.review or event.decision)]
    lines = []
    for (event, what), klass in zip(said, class_names([w.klass for _, w in said]), strict=True):
        n = f" n={event.review.n}" if event.review else ""
        there = f" on {klass}" if klass else ""
        about = f"{style.mark(what.verdict)} {what.verdict}{n}{there}: {clean(what.reason, 200)}"
        lines.append(f"  {clock(event.time)} {event.kind:<8} {about}")
    return lines
