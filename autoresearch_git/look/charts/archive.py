"""The archive as a map: kinds of change down, size and cost across, the best gain in each cell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoresearch_git.clean import clean
from autoresearch_git.look.charts.base import GREY, INK, empty
from autoresearch_git.look.numbers import estimate
from autoresearch_git.records import Experiment

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy import ndarray

COLUMNS = ("smaller", "same-size", "larger")


@dataclass(frozen=True)
class Cell:
    """A niche: where it is on the map, its elite's gain on the baseline, and its visits."""

    row: str
    column: str
    gain: float
    visits: int


def cells(
    elites: Mapping[str, Experiment], visits: Mapping[str, int], baseline: float | None
) -> list[Cell]:
    """The cells of a class's niches; the gain is positive for better."""
    found = []
    for niche, elite in elites.items():
        review, value = elite.review, estimate(elite.review)
        if review is None or value is None:
            continue
        gain = 0.0 if baseline is None else (1 if review.minimize else -1) * (baseline - value)
        row, _, column = clean(niche, 60).partition(".")
        found.append(Cell(row, column or "same-size", gain, visits.get(niche, 0)))
    return found


def archive(axes: Axes, found: list[Cell]) -> None:
    """The heat map: blue is better than the baseline, orange is worse; the darker, the more."""
    if not found:
        empty(axes, "no niche has an elite yet")
        return
    from matplotlib.colors import FuncNorm, LinearSegmentedColormap

    rows = sorted({c.row for c in found})
    columns = columns_of({c.column for c in found})
    widest = max(abs(c.gain) for c in found) or 1.0
    grid = [[float("nan")] * len(columns) for _ in rows]
    for cell in found:
        grid[rows.index(cell.row)][columns.index(cell.column)] = cell.gain
    plain = LinearSegmentedColormap.from_list("gain", ["#E69F00", "#f7f7f7", "#0072B2"])
    ramp = plain.with_extremes(bad="#f0f0f0")
    norm = FuncNorm((_root, _square), vmin=-widest, vmax=widest)  # small gains are seen too
    image = axes.imshow(grid, cmap=ramp, norm=norm, aspect="auto")
    for cell in found:
        dark = norm(cell.gain) > 0.86  # white on dark blue, ink on all else
        visits = "1 visit" if cell.visits == 1 else f"{cell.visits} visits"
        axes.text(
            columns.index(cell.column),
            rows.index(cell.row),
            f"{gain_text(cell.gain, widest)}\n{visits}",
            ha="center",
            va="center",
            fontsize=12,
            color="white" if dark else INK,
        )
    axes.set_xticks(range(len(columns)), [name.replace(".", "\n") for name in columns])
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    for edge in range(1, len(rows)):
        axes.axhline(edge - 0.5, color="white", linewidth=2)
    for edge in range(1, len(columns)):
        axes.axvline(edge - 0.5, color="white", linewidth=2)
    for spine in axes.spines.values():
        spine.set_visible(False)
    many = f"{len(found)} niches" if len(found) > 1 else "1 niche"
    axes.set_title(f"{many}: gain of the best of each on the baseline", loc="left", fontsize=14)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("←  worse      better  →", color=INK)
    bar.outline.set_edgecolor(GREY)


def gain_text(gain: float, widest: float) -> str:
    """With as many decimals as the largest one needs for three digits."""
    if abs(gain) <= widest * 1e-6:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(widest)))
    return f"{gain:+.{decimals}f}" if decimals < 9 else f"{gain:+.2g}"


def _root(values: ndarray) -> ndarray:
    import numpy

    found: ndarray = numpy.sign(values) * numpy.sqrt(numpy.abs(values))
    return found


def _square(values: ndarray) -> ndarray:
    import numpy

    found: ndarray = numpy.sign(values) * numpy.square(values)
    return found


def columns_of(seen: set[str]) -> list[str]:
    """The columns that there are, from small to large."""
    known = [n for name in COLUMNS for n in (name, f"{name}.costly") if n in seen]
    return known + sorted(seen - set(known))
