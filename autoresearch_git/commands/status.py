"""git ar status: where the research stands."""

from __future__ import annotations

from collections.abc import Mapping

import click
import msgspec

from autoresearch_git.clean import clean
from autoresearch_git.look.numbers import ago, duration, estimate, interval, number, signed
from autoresearch_git.look.status import Flight, Status, status
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, crop, table, wrap
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment

INDENT = 10  # of what goes on in another line


@click.command()
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
@json_option
def command(klass: str, as_json: bool | None) -> None:
    """Where the research stands: best, baseline, counts, emitters, what is in flight.

    \b
    git ar status
    git ar status --json | jq .best.review.value
    """
    found = status(Memory.open(), klass)
    if Output.choose(as_json).json:
        Output(True).line({"kind": "status", "v": 1, **msgspec.to_builtins(found)})
        return
    style = Style.of()
    for line in render(found, style):
        style.echo(line)


def render(found: Status, style: Style) -> list[str]:
    """The lines of the screen."""
    if not found.klass:
        text = f"{found.waiting} proposed, none run yet" if found.waiting else "no experiments yet"
        get = "" if found.waiting else ", or get some: git ar sync"
        lines = wrap(f"{text}: git ar loop --runs 10{get}", style.width, 2)
        return lines + [crop(line, style.width) for line in _flights(found.flights, style)]
    lines = [f"class     {found.klass}", f"tried     {_counts(found, style)}"]
    if found.baseline:
        lines += _value("baseline", found.baseline, style)
    if found.best:
        lines += _value("best", found.best, style)
        lines += [f"{'':9} {text}" for text in (_gain(found), _change(found.best)) if text]
    lines.append(f"phase     {found.phase}, {found.stall} since the last keep")
    lines.append(f"spent     {duration(found.seconds)} of runs, {found.niches} niches reached")
    if found.budget:
        lines.append(f"budget    {_budget(found.budget)}")
    if found.running or found.waiting:
        lines.append(f"open      {found.running} running, {found.waiting} waiting")
    lines = [part for line in lines for part in wrap(line, style.width, INDENT)]
    lines += [crop(line, style.width) for line in _flights(found.flights, style)]
    lines += _emitters(found, style)
    sign = style.paint("!", "yellow", bold=True)
    for text in found.warnings:  # whole: the cure stands at their end
        lines += wrap(f"{sign} {clean(text)}", style.width, 2)
    return lines


def _counts(found: Status, style: Style) -> str:
    parts = [f"{n} {name}" for name, n in sorted(found.verdicts.items())]
    if style.width < 60:
        parts = [f"{n}{style.mark(name)}" for name, n in sorted(found.verdicts.items())]
    return f"{found.count} ({', '.join(parts)})"


def _value(title: str, experiment: Experiment, style: Style) -> list[str]:
    """Its value with interval and n; on a narrow terminal the interval has a line of its own."""
    review = experiment.review
    if not review or review.value is None:
        return [f"{title:<9} -"]
    head = f"{clean(review.metric, 20)} {number(estimate(review))}".lstrip()
    known, tail = interval(review), f"n={review.n}  {experiment.commit[:9]}"
    head = style.paint(head, bold=title == "best")
    if style.width < 72 and known:
        short = f"{title:<9} {head}  {experiment.commit[:9]}"
        return [short, f"{'':9} {known} n={review.n}"]
    return [f"{title:<9} {head} {known} {tail}".replace("  n=", " n=")]


def _gain(found: Status) -> str:
    """How far the best is from the baseline; interval middles on both sides."""
    start = estimate(found.baseline.review) if found.baseline else None
    end = estimate(found.best.review) if found.best else None
    if start is None or end is None or not start or found.best == found.baseline:
        return ""
    return f"{signed(end - start)} ({(end - start) / abs(start):+.2%}) from the baseline"


def _change(experiment: Experiment) -> str:
    return clean(experiment.plan.change, 100) if experiment.plan else ""


def _budget(budget: Mapping[str, tuple[float, float]]) -> str:
    """What the loop that runs has spent of each of its limits."""
    parts = []
    if "runs" in budget:
        parts.append("experiment {:.0f} of {:.0f}".format(*budget["runs"]))
    if "seconds" in budget:
        parts.append("{} of {}".format(*map(duration, budget["seconds"])))
    if "patience" in budget:
        parts.append("{:.0f} of {:.0f} without a keep".format(*budget["patience"]))
    return "the loop is at " + ", ".join(parts)


def _flights(flights: tuple[Flight, ...], style: Style) -> list[str]:
    lines = []
    for flight in flights:
        colour = None if flight.state == "running" else "red"
        where = f"{clean(flight.host, 30)} pid {flight.pid}"
        lines.append(
            f"  {style.mark('running')} {flight.commit[:9]} {style.paint(flight.state, colour)} "
            f"{ago(flight.since)} on {where}  {clean(flight.change, 80)}"
        )
    return lines


def _emitters(found: Status, style: Style) -> list[str]:
    emitters = {name: tally for name, tally in found.emitters.items() if name != "baseline"}
    rows = sorted(emitters.items(), key=lambda item: (-item[1].tries, item[0]))
    columns = [
        Column("emitter", [clean(name, 24) for name, _ in rows], weight=9),
        Column("tried", [str(t.tries) for _, t in rows], right=True, weight=8),
        Column("won", [str(t.wins) for _, t in rows], right=True, weight=7),
        Column("failed", [str(t.crashes) for _, t in rows], right=True, weight=3),
        Column("time", [duration(t.seconds) for _, t in rows], right=True, weight=2),
        Column("reward", [_reward(t.wins, t.tries, style) for _, t in rows], weight=6),
    ]
    return ["", *table(columns, style)] if rows else []


def _reward(wins: int, tries: int, style: Style) -> str:
    """The share that won, as a number and a bar of ten signs."""
    share = wins / tries if tries else 0.0
    filled = round(10 * share)
    bar = ("█" if style.unicode else "#") * filled
    return f"{share:4.2f} {style.paint(bar, 'green')}".rstrip()
