"""Loss curves over the share of the budget: the baseline, the keeps, and what was stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autoresearch_git.look.charts.base import GREY, INK, LINES, empty, quiet
from autoresearch_git.look.rows import change
from autoresearch_git.records import KEEPS, Experiment

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED = 4  # curves with a colour and a name of their own
MOST = 200


def curves(axes: Axes, experiments: Sequence[Experiment]) -> None:
    """All curves in grey, the baseline and the last keeps by name."""
    with_curve = [e for e in experiments if _curve(e)][-MOST:]
    if not with_curve:
        empty(axes, "no run printed its loss while it ran")
        return
    baseline = [e for e in with_curve if e.plan and e.plan.emitter == "baseline"][:1]
    keeps = [e for e in with_curve if e.verdict in KEEPS and e not in baseline][-NAMED:]
    for each in with_curve:
        if each not in baseline and each not in keeps:
            axes.plot(*_xy(each), color=GREY, alpha=0.35, linewidth=0.9)
    for each in baseline:
        axes.plot(*_xy(each), color=INK, linewidth=2, linestyle="--", label="baseline")
    for each, colour in zip(keeps, LINES, strict=False):
        text = f"{each.commit[:7]} {change(each, 30)}".replace("$", r"\$")
        axes.plot(*_xy(each), color=colour, linewidth=2, label=text)
    _zoom(axes, with_curve)
    axes.set_xlabel("share of the budget")
    axes.set_ylabel("training loss")
    count = f"{len(with_curve)} runs" if len(with_curve) > 1 else "1 run"
    axes.set_title(f"Loss curves of {count}", loc="left", fontsize=14)
    quiet(axes)
    if baseline or keeps:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)


def _zoom(axes: Axes, shown: Sequence[Experiment]) -> None:
    """The first tenth of training is a cliff: the axis begins where most have left it."""
    late = sorted(y for e in shown for x, y in _curve(e) if x >= 0.1)
    if late and late[-1] > late[0]:
        top = late[int(0.98 * (len(late) - 1))]
        axes.set_ylim(late[0] - 0.03 * (top - late[0]), top + 0.1 * (top - late[0]))
    axes.set_xlim(0, 1)


def _curve(experiment: Experiment) -> tuple[tuple[float, float], ...]:
    found = [run.curve for run in experiment.runs if len(run.curve) > 1]
    return found[-1] if found else ()


def _xy(experiment: Experiment) -> tuple[list[float], list[float]]:
    points = _curve(experiment)
    return [x for x, _ in points], [y for _, y in points]
