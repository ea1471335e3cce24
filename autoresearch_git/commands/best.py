"""git ar best: the best experiment, and how sure that is."""

from __future__ import annotations

import click

from autoresearch_git.look.numbers import estimate, interval, number, signed
from autoresearch_git.look.query import latest_class
from autoresearch_git.look.rows import change, runs
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import wrap
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment

INDENT = 10  # of what goes on in another line


@click.command()
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
@click.option("--commit", "only_commit", is_flag=True, help="Print its commit and nothing else.")
@json_option
def command(klass: str, only_commit: bool, as_json: bool | None) -> None:
    """The best experiment of a class: its true value as estimated, its interval, its runs.

    It ranks first by the middle of its interval, not by its luckiest run.

    \b
    git ar best
    git show "$(git ar best --commit):train.py" > train.py
    """
    index = Memory.open().index
    klass = klass or latest_class(index)
    best = past.best(index, klass)
    if only_commit:
        click.echo(best.commit if best else "", nl=best is not None)
        raise SystemExit(0 if best else 1)
    if Output.choose(as_json).json:
        if best:
            Output(True).record(best)
        return
    style = Style.of()
    for line in _lines(best, past.baseline(index, klass), style):
        for part in wrap(line, style.width, INDENT):
            style.echo(part)


def _lines(best: Experiment | None, baseline: Experiment | None, style: Style) -> list[str]:
    if best is None or best.review is None:
        return ["nothing has a trusted result yet: git ar loop --runs 10"]
    review = best.review
    middle = estimate(review)
    lines = [
        style.paint(f"{review.metric} {number(middle)}".strip(), bold=True),
        f"interval  {interval(review) or 'unknown'}",
        f"measured  {number(review.value)}, mean of {review.n}",
        f"verdict   {style.mark(best.verdict)} {best.verdict}",
        f"commit    {best.commit[: max(9, style.width - INDENT)]}",  # cut, it is still a name
        f"change    {change(best)}",
    ]
    start = estimate(baseline.review) if baseline else None
    if baseline and start is not None and middle is not None:
        gain = f"{signed(middle - start)} from {number(start)} ({baseline.commit[:9]})"
        lines.insert(1, f"gain      {gain}")
    return [*lines, "", *runs(best, style)]
