"""git ar loop: the four stages, again and again."""

from __future__ import annotations

from pathlib import Path

import click

from autoresearch_git import config
from autoresearch_git.commands._detach import detach
from autoresearch_git.commands._pipe import finish, line
from autoresearch_git.display import Display
from autoresearch_git.git import locate
from autoresearch_git.loop import Budget, Loop, Watcher
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import open_backend


@click.command()
@click.option("--runs", type=click.IntRange(1), help="Stop after so many experiments.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Start none after so long.")
@click.option(
    "--cost", type=click.FloatRange(0, min_open=True), help="Start none after so many US$."
)
@click.option("--patience", type=click.IntRange(1), help="Stop after so many without a keep.")
@click.option("--jobs", default="", help="Runs at once: a number or auto (default: ar.jobs, 1).")
@click.option("--backend", default="", help="Where to run (default: git config ar.backend, local).")
@click.option("--gpu", default="", help="Modal: types in order, such as H100!,H200 (ar.modal.gpu).")
@click.option("--early-stop", is_flag=True, help="End runs that have no chance; not for records.")
@click.option(
    "--sync",
    "remote",
    is_flag=False,
    flag_value="",
    metavar="[REMOTE]",
    help="Exchange memories with a remote after each run, and go on from the best of all.",
)
@click.option("--calibrate", is_flag=True, help="Run the baseline on a machine that is new to it.")
@click.option("--detach", "alone", is_flag=True, help="Go on without this terminal.")
@click.option("--sandbox/--no-sandbox", default=None, help="Bubblewrap (default: when it works).")
@click.option("--seed", type=int, help="Make the random choices repeatable.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    runs: int | None,
    hours: float | None,
    cost: float | None,
    patience: int | None,
    jobs: str,
    backend: str,
    gpu: str,
    early_stop: bool,
    remote: str | None,
    calibrate: bool,
    alone: bool,
    sandbox: bool | None,
    seed: int | None,
    branch: str,
    as_json: bool | None,
) -> None:
    """Propose, run, review and select until a budget is spent.

    Everything is on the trail after each step: kill it at any moment, start it again, and it goes
    on. Ctrl-C ends the runs in flight and records them.

    \b
    git ar loop --runs 20
    git ar loop --hours 8 --jobs auto --patience 40
    git ar loop --hours 8 --detach && git ar watch
    git ar loop --hours 8 --sync origin
    git ar loop --backend modal --gpu H100! --jobs 8 --cost 20
    """
    started = None
    if alone:
        private = locate.find(Path.cwd()).private
        private.mkdir(exist_ok=True)
        pid, started = detach(private / "loop.log")
        if pid:
            talk(f"the loop goes on as process {pid}; see: git ar watch; end it: git ar stop")
            return
    research = Research.open(branch=branch)
    where = open_backend(research, backend, jobs, sandbox, gpu)
    output = Output.choose(as_json)
    budget = Budget(runs, hours * config.HOUR if hours else None, patience, cost)
    with Display() as display:
        watcher = Watcher(
            begin=lambda e: display.begin(e.commit, _title(e)),
            update=lambda e, update: display.update(e.commit, update),
            end=lambda e: _end(display, output, e),
            say=display.say,
        )
        campaign = Loop(research, where, budget, watcher, seed, early_stop, remote, calibrate)
        if started:
            started()
        campaign.work()
    finish(research)


def _title(experiment: Experiment) -> str:
    plan = experiment.plan
    return f"{experiment.commit[:9]} {plan.emitter if plan else ''}: {plan.change if plan else ''}"


def _end(display: Display, output: Output, experiment: Experiment) -> None:
    display.end(experiment.commit, line(experiment))
    if output.json:
        output.record(experiment)
