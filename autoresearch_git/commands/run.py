"""git ar run: execute experiments."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import click

from autoresearch_git import config
from autoresearch_git.commands._pipe import Item, finish, incoming, line, show
from autoresearch_git.display import Display
from autoresearch_git.output import Output, json_option
from autoresearch_git.research import PerThread, Research
from autoresearch_git.stages import run as stage
from autoresearch_git.stages.backend import class_here, open_backend
from autoresearch_git.stages.pool import Flights, spread


@click.command()
@click.argument("commits", nargs=-1)
@click.option("--jobs", default="", help="Runs at once: a number or auto (default: ar.jobs, 1).")
@click.option("--backend", default="", help="Where to run (default: git config ar.backend, local).")
@click.option("--gpu", default="", help="Modal: types in order, such as H100!,H200 (ar.modal.gpu).")
@click.option("--seed", type=int, help="This seed instead of the next one.")
@click.option("--replicate", is_flag=True, help="Run again, with a new seed, what has a result.")
@click.option("--timeout", help="Outer limit, such as 10m (default: the contract's).")
@click.option("--early-stop", is_flag=True, help="End runs that have no chance; not for records.")
@click.option("--sandbox/--no-sandbox", default=None, help="Bubblewrap (default: when it works).")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    commits: tuple[str, ...],
    jobs: str,
    backend: str,
    gpu: str,
    seed: int | None,
    replicate: bool,
    timeout: str | None,
    early_stop: bool,
    sandbox: bool | None,
    branch: str,
    as_json: bool | None,
) -> None:
    """Execute experiments: named ones, or those that come in on stdin.

    Each execution puts one fact on the trail, whatever happens. What has a result already is
    passed on as it is, unless --replicate or --seed asks for another run.

    \b
    git ar propose -n 4 | git ar run --jobs 2
    git ar run --replicate autoresearch/mar5
    """
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    limit = config.seconds(timeout) if timeout else None
    where = open_backend(research, backend, jobs, sandbox, gpu)
    where.check()
    flights, lock = Flights(where), threading.Lock()
    each = PerThread(research)

    def work(item: Item, display: Display) -> None:
        experiment, extra = item
        mine = each()
        key, change = experiment.commit, experiment.plan.change if experiment.plan else ""
        display.begin(key, f"{key[:9]} {change}")
        done = stage.run(
            mine,
            experiment,
            where,
            seed=seed,
            replicate=replicate,
            timeout=limit,
            on_update=lambda update: display.update(key, update),
            flights=flights,
            watch=stage.early_stop(mine, class_here(mine, where)) if early_stop else None,
        )
        with lock:
            display.end(key, line(done))
            if output.json:
                show(output, done, extra)

    items: Iterator[Item] = incoming(research, commits, "run")
    with Display() as display:
        spread(items, lambda item: work(item, display), where.jobs, flights)
    finish(research)
