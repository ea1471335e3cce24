"""Progress: every run with its verdict, the best so far with its interval; and the frontier."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from autoresearch_git.look.charts.base import BLUE, GREY, INK, KINDS, empty, quiet
from autoresearch_git.look.numbers import number
from autoresearch_git.look.series import Point, Series, window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = 8  # records that are labelled on the frontier


def progress(axes: Axes, series: Series) -> None:
    """All runs in their order; far-off ones and crashes are at the edge of the picture."""
    limits = window(series)
    if limits is None:
        empty(axes, "no run has a value yet")
        return
    low, high = limits
    _best(axes, series.points)
    edge = high if series.minimize else low
    far = 0
    for kind, (colour, mark, size) in KINDS.items():
        mine = [p for p in series.points if p.kind == kind]
        if not mine:
            continue
        heights = [_inside(p.value, low, high, edge) for p in mine]
        far += sum(p.value is not None and not low <= p.value <= high for p in mine)
        axes.scatter(
            [p.index for p in mine],
            heights,
            s=size,
            c=colour,
            marker=mark,
            linewidths=1.6 if mark == "x" else 0.4,
            edgecolors=None if mark == "x" else "white",
            label=f"{kind} ({len(mine)})",
            clip_on=False,
            zorder=2 if kind == "discarded" else 3,
        )
    _frame(axes, series, low, high)
    if far:
        where = "top" if series.minimize else "bottom"
        axes.set_xlabel(f"experiment   ({far} beyond the {where} edge are drawn on it)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, handletextpad=0.3)


def frontier(axes: Axes, series: Series) -> None:
    """The best so far alone, its interval, and what made each large step."""
    limits = window(series)
    if limits is None:
        empty(axes, "no run has a value yet")
        return
    _best(axes, series.points)
    records = [p for p in series.points if p.record and p.best is not None]
    heights = [p.best or 0.0 for p in records]
    axes.scatter([p.index for p in records], heights, s=30, c=BLUE, zorder=4)
    bests = [p.best for p in series.points if p.best is not None]
    edges = [x for p in series.points for x in (p.low, p.high) if x is not None]
    reach = max(bests) - min(bests) or abs(bests[0]) * 0.01 or 1.0
    low = max(min([*bests, *edges]), min(bests) - 0.5 * reach)
    high = min(max([*bests, *edges]), max(bests) + 0.5 * reach)
    _frame(axes, series, low - 0.05 * reach, high + 0.1 * reach)
    _labels(axes, records, series)


def _best(axes: Axes, points: Sequence[Point]) -> None:
    known = [p for p in points if p.best is not None]
    if not known:
        return
    x = [*(p.index for p in known), points[-1].index + 0.5]
    y = [p.best or 0.0 for p in known]
    axes.step(x, [*y, y[-1]], where="post", color=BLUE, linewidth=2.2, label="best so far")
    if any(p.low is not None for p in known):
        low = [b if p.low is None else p.low for p, b in zip(known, y, strict=True)]
        high = [b if p.high is None else p.high for p, b in zip(known, y, strict=True)]
        axes.fill_between(
            x,
            [*low, low[-1]],
            [*high, high[-1]],
            step="post",
            color=BLUE,
            alpha=0.18,
            linewidth=0,
            label="its 95% interval",
        )


def _frame(axes: Axes, series: Series, low: float, high: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(low, high)
    axes.set_xlim(0, len(series.points) + 1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    better = "lower" if series.minimize else "higher"
    axes.set_ylabel(f"{series.metric} ({better} is better)")
    axes.set_xlabel("experiment")
    axes.set_title(_title(series), loc="left", fontsize=14, pad=12)  # crosses lie on the edge
    quiet(axes)


def _title(series: Series) -> str:
    first = next((p.best for p in series.points if p.best is not None), None)
    last = series.points[-1].best
    if first is None or last is None:
        return f"{len(series.points)} experiments"
    change = (last - first) / abs(first) if first else 0.0
    ends = f"{number(first)} to {number(last)}"
    return f"{series.metric} {ends} ({change:+.2%}) in {len(series.points)} experiments"


def _inside(value: float | None, low: float, high: float, edge: float) -> float:
    return edge if value is None else min(max(value, low), high)


def _apart(axes: Axes, largest: Sequence[Point]) -> list[Point]:
    """The first LABELS points that leave each other's number room."""
    width, height = (high - low for low, high in (axes.get_xlim(), axes.get_ylim()))
    chosen: list[Point] = []
    for point in largest:
        crowded = any(
            abs(point.index - p.index) < 0.035 * width
            and abs((point.best or 0.0) - (p.best or 0.0)) < 0.08 * height
            for p in chosen
        )
        if not crowded and len(chosen) < LABELS:
            chosen.append(point)
    return chosen


def _index(point: Point) -> int:
    return point.index


def _labels(axes: Axes, records: Sequence[Point], series: Series) -> None:
    """The changes behind the largest steps, numbered at the line and told in a list below."""
    steps = [(abs((b.best or 0.0) - (a.best or 0.0)), b) for a, b in pairwise(records)]
    chosen = sorted(_apart(axes, [p for _, p in sorted(steps, key=lambda s: -s[0])]), key=_index)
    lines = []
    for count, point in enumerate(chosen, 1):
        assert point.best is not None
        axes.annotate(
            str(count),
            (point.index, point.best),
            xytext=(5, 7 if series.minimize else -7),
            textcoords="offset points",
            va="bottom" if series.minimize else "top",
            fontsize=12,
            fontweight="bold",
            color=INK,
        )
        text = point.change if len(point.change) <= 58 else point.change[:57] + "…"
        lines.append(f"{count}  {text}".replace("$", r"\$"))
    if lines:
        corner = (0.985, 0.97, "top") if series.minimize else (0.985, 0.03, "bottom")
        axes.text(
            corner[0],
            corner[1],
            "\n".join(lines),
            transform=axes.transAxes,
            ha="right",
            va=corner[2],
            ma="left",
            fontsize=11,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": GREY, "linewidth": 0.5, "alpha": 0.9},
            zorder=5,
        )
