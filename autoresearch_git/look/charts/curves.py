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
    named, others = notable(experiments)
    if not named and not others:
        empty(axes, "no run printed its loss while it ran")
        return
    for each in others:
        axes.plot(*_xy(each), color=GREY, alpha=0.35, linewidth=0.9)
    colours = iter(LINES)
    for each in named:
        if _is_baseline(each):
            axes.plot(*_xy(each), color=INK, linewidth=2, linestyle="--", label="baseline")
            continue
        text = f"{each.commit[:7]} {change(each, 30)}".replace("$", r"\$")
        axes.plot(*_xy(each), color=next(colours), linewidth=2, label=text)
    with_curve = [*named, *others]
    _zoom(axes, with_curve)
    axes.set_xlabel("share of the budget")
    axes.set_ylabel("training loss")
    count = f"{len(with_curve)} runs" if len(with_curve) > 1 else "1 run"
    axes.set_title(f"Loss curves of {count}", loc="left", fontsize=14)
    quiet(axes)
    if named:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)


def notable(experiments: Sequence[Experiment]) -> tuple[list[Experiment], list[Experiment]]:
    """(the baseline and the last keeps, all others) of those that have a curve."""
    with_curve = [e for e in experiments if curve(e)][-MOST:]
    named = [e for e in with_curve if _is_baseline(e)][:1]
    named += [e for e in with_curve if e.verdict in KEEPS and e not in named][-NAMED:]
    return named, [e for e in with_curve if e not in named]


def _is_baseline(experiment: Experiment) -> bool:
    return experiment.plan is not None and experiment.plan.emitter == "baseline"


def _zoom(axes: Axes, shown: Sequence[Experiment]) -> None:
    """The first tenth of training is a cliff: the axis begins where most have left it."""
    late = sorted(y for e in shown for x, y in curve(e) if x >= 0.1)
    if late and late[-1] > late[0]:
        top = late[int(0.98 * (len(late) - 1))]
        axes.set_ylim(late[0] - 0.03 * (top - late[0]), top + 0.1 * (top - late[0]))
    axes.set_xlim(0, 1)


def curve(experiment: Experiment) -> tuple[tuple[float, float], ...]:
    """(share of the budget, loss) of its latest run that kept a curve."""
    found = [run.curve for run in experiment.runs if len(run.curve) > 1]
    return found[-1] if found else ()


def _xy(experiment: Experiment) -> tuple[list[float], list[float]]:
    points = curve(experiment)
    return [x for x, _ in points], [y for _, y in points]
