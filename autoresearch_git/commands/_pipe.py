"""What the stages of the pipe share: where their experiments come from, how they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from autoresearch_git.clean import clean
from autoresearch_git.output import Extra, Output, records, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research

Item = tuple[Experiment, Extra]


def incoming(research: Research, names: Sequence[str], verb: str) -> Iterator[Item]:
    """The experiments named as arguments, else those whose records come in on stdin.

    What the trail knows wins over what a record says: records may be old, or made up.
    """
    if names:
        yield from ((research.experiment(name), {}) for name in names)
        return
    for experiment, extra in records(verb):
        yield research.experiment(experiment.commit), extra


def show(output: Output, experiment: Experiment, extra: Extra) -> None:
    """One line of the table, or the record for the next stage."""
    if output.json:
        output.record(experiment, extra)
    else:
        click.echo(line(experiment))


def line(experiment: Experiment) -> str:
    """An experiment in one line: commit, verdict, value, delta, emitter, change."""
    review, plan = experiment.review, experiment.plan
    value = f"{experiment.value:.6f}" if experiment.value is not None else "-"
    delta = f"{review.delta:+.6f}" if review and review.delta is not None else ""
    emitter = plan.emitter if plan else ""
    change = plan.change if plan else ""
    last = experiment.runs[-1] if experiment.runs else None
    if last and last.outcome == "harness" and not experiment.decision:
        return f"{experiment.commit[:9]}  not run           {clean(last.detail, 200)}"
    return (
        f"{experiment.commit[:9]}  {experiment.verdict:<16} {value:>9} {delta:>10}  "
        f"{emitter:<20} {change}"
    ).rstrip()


def finish(research: Research) -> None:
    """Say what was mended on the way."""
    for notice in research.memory.notices:
        talk(f"git ar: {notice}")
