"""Knob effects: what each change of a knob gained, run by run, with the mean and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoresearch_git.look.charts.base import BLUE, GREY, INK, VERMILION, empty, quiet
from autoresearch_git.look.effects import Effect

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 14  # rows


def knobs(axes: Axes, effects: Sequence[Effect]) -> None:
    """One row an effect: small dots are runs, the large one is the mean with its 95% interval."""
    shown = chosen(effects)
    if not shown:
        empty(axes, "no knob was turned yet")
        return
    reach = reach_of(shown)
    for row, effect in enumerate(shown):
        inside = [min(max(g, -reach), reach) for g in effect.gains]
        axes.scatter(inside, [row] * len(inside), s=16, c=GREY, alpha=0.6, zorder=2)
        low, high = max(effect.low, -reach), min(effect.high, reach)
        colour = INK if effect.strength == "open" else BLUE if effect.mean > 0 else VERMILION
        axes.plot([low, high], [row, row], color=colour, linewidth=2.4, zorder=3)
        middle = min(max(effect.mean, -reach), reach)
        mark = "o" if effect.strength == "open" else "^" if effect.mean > 0 else "v"
        axes.scatter([middle], [row], s=62, c=colour, marker=mark, zorder=4)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.set_yticks(range(len(shown)), [_label(e) for e in shown])
    axes.set_xlim(-reach * 1.05, reach * 1.05)
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.set_xlabel("←  worse      gain on the parent      better  →" + _beyond(shown, reach))
    axes.set_title("Knob effects (▲ helps, ▼ hurts, ● nothing proven)", loc="left", fontsize=14)
    quiet(axes, "x")


def chosen(effects: Sequence[Effect]) -> list[Effect]:
    """The effects with the most evidence, the best one last."""
    most = sorted(effects, key=lambda e: -(e.n + e.crashes))[:MOST]
    return sorted((e for e in most if e.n), key=lambda e: e.mean)


def _beyond(shown: Sequence[Effect], reach: float) -> str:
    far = sum(abs(gain) > reach for effect in shown for gain in effect.gains)
    return f"\n({far} beyond the edge are drawn on it)" if far else ""


def _label(effect: Effect) -> str:
    failed = f", {effect.crashes} failed" if effect.crashes else ""
    return f"{effect.name}  (n={effect.n}{failed})".replace("$", r"\$")


def reach_of(shown: Sequence[Effect]) -> float:
    """Half the width of the axis: all means, and nine in ten of the runs."""
    gains = sorted(abs(g) for e in shown for g in e.gains)
    usual = gains[int(0.9 * (len(gains) - 1))] if gains else 1.0
    return max(usual, *(abs(e.mean) for e in shown), 1e-12) * 1.1
