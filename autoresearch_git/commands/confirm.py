"""git ar confirm: spend runs where they settle the most valuable doubt."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

import click

from autoresearch_git.commands._pipe import finish, line, show
from autoresearch_git.display import Display
from autoresearch_git.errors import NoBaselineError
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import PerThread, Research
from autoresearch_git.review.confirm import next_confirm
from autoresearch_git.stages.backend import class_here, open_backend
from autoresearch_git.stages.pool import Flights, spread
from autoresearch_git.stages.review import review
from autoresearch_git.stages.run import run
from autoresearch_git.stages.select import select


@click.command()
@click.argument("commits", nargs=-1)
@click.option(
    "--seeds", default=1, type=click.IntRange(1), help="Further runs of each (default 1)."
)
@click.option("-n", "number", default=1, type=click.IntRange(1), help="Without COMMIT: how many.")
@click.option("--jobs", default="", help="Experiments at once: a number or auto (ar.jobs, 1).")
@click.option("--backend", default="", help="Where to run (default: git config ar.backend, local).")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    commits: tuple[str, ...],
    seeds: int,
    number: int,
    jobs: str,
    backend: str,
    branch: str,
    as_json: bool | None,
) -> None:
    """Run experiments again with new seeds, then judge and decide anew.

    Without COMMIT it takes what is worth most: the expected improvement of a decision for each
    minute of running. Several take turns, seed by seed, so that a machine that slows down is
    unfair to none. A keep that its replicates refute shows up in git ar doubt.

    \b
    git ar confirm
    git ar confirm autoresearch/mar5 --seeds 3
    git ar confirm BASELINE MINE THEIRS --seeds 3 --jobs auto
    """
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    where = open_backend(research, backend, jobs)
    where.check()
    chosen = [e.commit for e in _chosen(research, class_here(research, where), commits, number)]
    if not chosen:
        talk("no doubt is worth a run")
    flights, mine = Flights(where), PerThread(research)
    turn = {commit: threading.Lock() for commit in chosen}  # each run takes the next seed

    def again(commit: str, display: Display) -> None:
        with turn[commit]:
            experiment = mine().experiment(commit)
            display.begin(commit, f"again {line(experiment)}")
            experiment = run(
                mine(),
                experiment,
                where,
                replicate=True,
                on_update=lambda update: display.update(commit, update),
                flights=flights,
            )
            with contextlib.suppress(NoBaselineError):  # it may still run; judged below then
                experiment = select(mine(), review(mine(), experiment))
            display.end(commit, line(experiment))

    with Display() as display:
        spread(chosen * seeds, lambda commit: again(commit, display), where.jobs, flights)
    for commit in turn:
        experiment = research.experiment(commit)
        if not experiment.decision:
            experiment = select(research, review(research, experiment))
        if output.json:
            show(output, experiment, {})
    finish(research)


def _chosen(research: Research, klass: str, names: Sequence[str], number: int) -> list[Experiment]:
    if names:
        return [research.experiment(name) for name in names]
    ranked = next_confirm(research.history(klass))[:number]
    return [research.experiment(oid) for oid, _ in ranked]
