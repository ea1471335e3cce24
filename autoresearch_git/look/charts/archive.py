"""The archive as a map: kinds of change down, size and cost across, the best gain in each cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoresearch_git.clean import clean
from autoresearch_git.look.charts.base import GREY, INK, empty
from autoresearch_git.look.numbers import estimate
from autoresearch_git.records import Experiment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    """The heat map: blue is better than the baseline, orange is worse; n is visits."""
    if not found:
        empty(axes, "no niche has an elite yet")
        return
    from matplotlib.colors import LinearSegmentedColormap, SymLogNorm

    rows = sorted({c.row for c in found})
    columns = _columns({c.column for c in found})
    widest = max(abs(c.gain) for c in found) or 1.0
    grid = [[float("nan")] * len(columns) for _ in rows]
    for cell in found:
        grid[rows.index(cell.row)][columns.index(cell.column)] = cell.gain
    plain = LinearSegmentedColormap.from_list("gain", ["#E69F00", "#f7f7f7", "#0072B2"])
    ramp = plain.with_extremes(bad="#f0f0f0")
    norm = SymLogNorm(widest / 20, vmin=-widest, vmax=widest)
    image = axes.imshow(grid, cmap=ramp, norm=norm, aspect="auto")
    for cell in found:
        dark = norm(cell.gain) > 0.78  # white on dark blue, ink on all else
        axes.text(
            columns.index(cell.column),
            rows.index(cell.row),
            f"{cell.gain:+.4g}\nn={cell.visits}",
            ha="center",
            va="center",
            fontsize=11,
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
    axes.set_title(f"{len(found)} niches: gain of each elite on the baseline", loc="left")
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label("better  →", color=INK)
    bar.outline.set_edgecolor(GREY)


def _columns(seen: set[str]) -> list[str]:
    known = [n for name in COLUMNS for n in (name, f"{name}.costly") if n in seen]
    return known + sorted(seen - set(known))
