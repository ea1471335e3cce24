"""git ar status: where the research stands."""

from __future__ import annotations

from dataclasses import dataclass

import click
import msgspec

from autoresearch_git.history import Tally
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment


@dataclass(frozen=True)
class Status:
    """What one screen says of the class that ran last."""

    klass: str
    verdicts: dict[str, int]
    emitters: dict[str, Tally]
    baseline: Experiment | None
    best: Experiment | None
    running: int
    waiting: int
    stall: int
    seconds: float


def _status(memory: Memory) -> Status:
    """The status from the index alone: the same look-ups at 100 and at 100,000 runs."""
    index = memory.index
    latest = index.select("class <> '' ORDER BY seq DESC LIMIT 1")
    klass = latest[0].klass if latest else ""
    verdicts = index.tallies(klass, "verdict")
    open_ones = index.db.execute(
        "SELECT verdict, count(*) FROM experiments WHERE decided = 0 GROUP BY verdict"
    ).fetchall()
    return Status(
        klass=klass,
        verdicts={name: tally.tries for name, tally in verdicts.items()},
        emitters=index.tallies(klass, "emitter"),
        baseline=past.baseline(index, klass),
        best=past.best(index, klass),
        running=dict(open_ones).get("running", 0),
        waiting=sum(n for verdict, n in open_ones if verdict != "running"),
        stall=past.stall(index, klass),
        seconds=sum(tally.seconds for tally in verdicts.values()),
    )


@click.command()
@json_option
def command(as_json: bool | None) -> None:
    """Where the research stands: best, baseline, counts, emitters, what is in flight.

    \b
    git ar status
    git ar status --json | jq .best.review.value
    """
    memory = Memory.open()
    status = _status(memory)
    if Output.choose(as_json).json:
        Output(True).line({"kind": "status", "v": 1, **msgspec.to_builtins(status)})
        return
    for text in render(status):
        click.echo(text)


def render(status: Status) -> list[str]:
    """The lines of the screen."""
    if not status.klass:
        waiting = f"{status.waiting} proposed, none run yet" if status.waiting else "nothing yet"
        return [f"{waiting}: git ar loop --runs 10"]
    count = sum(n for name, n in status.verdicts.items())
    parts = ", ".join(f"{n} {name}" for name, n in sorted(status.verdicts.items()))
    lines = [
        f"class     {status.klass}",
        f"tried     {count} ({parts}), {status.seconds / 3600:.2f} h of runs",
    ]
    if status.baseline:
        lines.append(f"baseline  {_value(status.baseline)}")
    if status.best:
        lines.append(f"best      {_value(status.best)}  {_change(status.best)}")
    lines.append(f"stall     {status.stall} since the last keep")
    if status.running or status.waiting:
        lines.append(f"open      {status.running} running, {status.waiting} waiting")
    if status.emitters:
        lines.append("emitter               tried  won  crashed")
        lines += [
            f"  {name:<20} {tally.tries:>4} {tally.wins:>4} {tally.crashes:>8}"
            for name, tally in sorted(status.emitters.items())
        ]
    return lines


def _value(experiment: Experiment) -> str:
    review = experiment.review
    if not review or review.value is None:
        return "-"
    interval = ""
    if review.low is not None and review.high is not None:
        interval = f" [{review.low:.6f}, {review.high:.6f}]"
    return f"{review.metric} {review.value:.6f}{interval} n={review.n}  {experiment.commit[:9]}"


def _change(experiment: Experiment) -> str:
    return experiment.plan.change if experiment.plan else ""
