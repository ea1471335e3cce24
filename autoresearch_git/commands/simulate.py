"""git ar simulate: search policies side by side, without a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autoresearch_git.errors import ArError
from autoresearch_git.output import Output, json_option, talk

if TYPE_CHECKING:
    from autoresearch_git.search.landscape import Landscape
    from autoresearch_git.search.simulate import Trace

AT = (5, 10, 25, 50, 100, 200, 280)
TRAPS = ("trap", "pair", "noisy", "structure", "partners")
MOST = 2000  # trials that the surrogate is fitted on: more cost much and teach little


@click.command()
@click.option("--trials", type=click.Path(exists=True, dir_okay=False), help="A table of trials.")
@click.option("--trap", type=click.Choice(TRAPS), help="A made-up landscape.")
@click.option("--policy", "policies", multiple=True, help="One of several (default: quick ones).")
@click.option("--runs", default=50, type=click.IntRange(1), help="Runs of each (default 50).")
@click.option("--seeds", default=5, type=click.IntRange(2), help="Repetitions (default 5).")
@click.option("--plot", metavar="FILE", help="PNG or SVG of the mean, with its 95% interval.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    trials: str | None,
    trap: str | None,
    policies: tuple[str, ...],
    runs: int,
    seeds: int,
    plot: str | None,
    branch: str,
    as_json: bool | None,
) -> None:
    """Replay search policies on a landscape: of this research's own results, or of a table.

    A surrogate with crashes and noise is fitted on the results; each policy then searches on it.
    Shown is the true value of what each would ship after so many runs, mean and 95% interval.

    \b
    git ar simulate --runs 50
    git ar simulate --trials trials.json.gz --policy ours --policy tpe --runs 100 --seeds 10
    """
    from autoresearch_git.emitters.replay import POLICIES
    from autoresearch_git.search import simulate

    chosen = policies or ("ours", "hill-climbing", "random", "fork")
    unknown = [name for name in chosen if name not in POLICIES]
    if unknown:
        raise ArError(f"there is no policy {unknown[0]!r}", f"one of: {', '.join(POLICIES)}")
    if plot and Path(plot).suffix.lower() not in (".png", ".svg"):
        raise ArError(
            f"{plot} is neither .png nor .svg", f"--plot {Path(plot).with_suffix('.png')}"
        )
    ground = _landscape(trials, trap, branch)
    traces: dict[str, list[Trace]] = {}
    for name in chosen:
        talk(f"{name}: {seeds} campaigns of {runs} runs")
        try:
            maker = POLICIES[name]
            traces[name] = [simulate.replay(maker, ground, runs, seed) for seed in range(seeds)]
        except ImportError as error:
            hint = f"pip install 'autoresearch-git[simulate]' {error.name}"
            raise ArError(f"the policy {name} needs {error.name}", hint) from None
    at = [k for k in AT if k < runs] + [runs]
    rows = simulate.table(traces, at)
    if Output.choose(as_json).json:
        for row in rows:
            Output(True).line({"kind": "simulation", "v": 1, **row})
    else:
        _print(rows)
    if plot:
        _plot(traces, Path(plot))
        talk(f"wrote {plot}")


def _landscape(table: str | None, trap: str | None, branch: str) -> Landscape:
    from autoresearch_git.search import landscape, own, traps, trials

    if trap:
        return traps.LANDSCAPES[trap]
    if table:
        try:
            known = trials.read(Path(table).read_bytes())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            hint = "gzipped JSON: method -> seed -> runs, as docs/search.md says"
            raise ArError(f"{table} is no table of trials: {error}", hint) from None
        fitted = landscape.fit(known, trials.RANGES, trials.DERIVED, MOST, trials.repair)
        return trials.landscape(fitted)
    from autoresearch_git.research import Research
    from autoresearch_git.stages.backend import class_here
    from autoresearch_git.stages.propose import targets

    research = Research.open(branch=branch)
    history = research.history(class_here(research))
    return own.of_history(history, targets(research, research.tip))


def _print(rows: Sequence[Mapping[str, str]]) -> None:
    columns = list(rows[0])
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in columns]
    for row in ({name: name for name in columns}, *rows):
        cells = (row[name].ljust(width) for name, width in zip(columns, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _plot(traces: Mapping[str, Sequence[Trace]], path: Path) -> None:
    from autoresearch_git.search.simulate import curve

    try:
        from autoresearch_git.look.charts.base import LINES, canvas, save

        figure, axes = canvas()
    except ImportError:
        hint = "pip install 'autoresearch-git[plot]'"
        raise ArError("a plot needs matplotlib", hint) from None
    for (name, many), colour in zip(traces.items(), LINES * 2, strict=False):
        points = curve(many)
        x = list(range(1, len(points) + 1))
        mean = [point.mean for point in points]
        low = [point.mean - point.half for point in points]
        high = [point.mean + point.half for point in points]
        axes.plot(x, mean, color=colour, label=name)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set_xlabel("runs")
    axes.set_ylabel("true value of the choice (lower is better)")
    axes.legend()
    try:
        save(figure, path)
    except OSError as error:
        raise ArError(f"cannot write {path}: {error.strerror}") from None
