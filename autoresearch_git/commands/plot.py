"""git ar plot: charts as pictures, or in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autoresearch_git.errors import ArError
from autoresearch_git.look.effects import effects
from autoresearch_git.look.numbers import estimate
from autoresearch_git.look.query import as_decided, elites, latest_class
from autoresearch_git.look.series import series
from autoresearch_git.look.style import Style
from autoresearch_git.memory import past
from autoresearch_git.memory.index import Index
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk
from autoresearch_git.records import Experiment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from autoresearch_git.look.charts.archive import Cell

CHARTS = ("progress", "frontier", "archive", "knobs", "curves")


@click.command()
@click.argument("chart", type=click.Choice(CHARTS), default="progress")
@click.option("-o", "--output", "path", metavar="FILE", help="PNG or SVG (default: CHART.png).")
@click.option("--term", is_flag=True, help="Draw in the terminal instead.")
@click.option("--size", default="9x5", metavar="WxH", help="Inches of 150 pixels (default 9x5).")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
def command(chart: str, path: str | None, term: bool, size: str, klass: str) -> None:
    """Charts of one class: progress, frontier, archive, knobs or curves.

    \b
    git ar plot --term
    git ar plot knobs --term
    git ar plot -o progress.png
    git ar plot knobs -o knobs.svg --size 8x6
    """
    index = Memory.open().index
    klass = klass or latest_class(index)
    found = as_decided(index, klass)
    if term:
        style = Style.of()
        for line in _text(chart, index, klass, found, style):
            style.echo(line)
        return
    target = Path(path or f"{chart}.png")
    if target.suffix.lower() not in (".png", ".svg"):
        raise ArError(f"{target} is neither .png nor .svg", f"-o {target.with_suffix('.png')}")
    _draw(chart, _size(size), _painter(chart, index, klass, found), target)
    talk(f"wrote {target}")


def _draw(
    chart: str, size: tuple[float, float], paint: Callable[[Axes], None], target: Path
) -> None:
    try:
        from autoresearch_git.look.charts.base import canvas, save

        figure, axes = canvas(*size)
    except ImportError:
        hint = "pip install 'autoresearch-git[plot]', or: git ar plot --term"
        raise ArError(f"drawing {chart} needs matplotlib", hint) from None
    paint(axes)
    try:
        save(figure, target)
    except OSError as error:
        raise ArError(f"cannot write {target}: {error.strerror}") from None


def _painter(
    chart: str, index: Index, klass: str, found: Sequence[Experiment]
) -> Callable[[Axes], None]:
    """The function that draws a chart, with its data."""
    if chart in ("progress", "frontier"):
        from autoresearch_git.look.charts import progress as module

        draw = module.progress if chart == "progress" else module.frontier
        return lambda axes: draw(axes, series(found))
    if chart == "archive":
        from autoresearch_git.look.charts.archive import archive

        return lambda axes: archive(axes, _cells(index, klass))
    if chart == "knobs":
        from autoresearch_git.look.charts.knobs import knobs

        return lambda axes: knobs(axes, effects(found))
    from autoresearch_git.look.charts.curves import curves

    return lambda axes: curves(axes, found)


def _text(
    chart: str, index: Index, klass: str, found: Sequence[Experiment], style: Style
) -> list[str]:
    """A chart as lines of text."""
    from autoresearch_git.look import termcharts
    from autoresearch_git.look.termplot import plot

    if chart in ("progress", "frontier"):
        return (plot if chart == "progress" else termcharts.frontier)(series(found), style)
    if chart == "archive":
        return termcharts.archive(_cells(index, klass), style)
    if chart == "knobs":
        return termcharts.knobs(effects(found), style)
    return termcharts.curves(found, style)


def _cells(index: Index, klass: str) -> list[Cell]:
    """The archive of a class as a map."""
    from autoresearch_git.look.charts.archive import cells

    baseline = past.baseline(index, klass)
    visits = {name: tally.tries for name, tally in index.tallies(klass, "niche").items()}
    start = estimate(baseline.review) if baseline else None
    return cells(elites(index, klass), visits, start)


def _size(text: str) -> tuple[float, float]:
    """Inches from WxH."""
    width, _, height = text.partition("x")
    try:
        size = float(width), float(height)
    except ValueError:
        raise click.UsageError(f"--size {text}: write it like 9x5") from None
    if not all(2 <= side <= 40 for side in size):
        raise click.UsageError(f"--size {text}: from 2 to 40 inches")
    return size
