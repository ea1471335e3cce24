"""git ar propose: make the next experiments."""

from __future__ import annotations

import random

import click

from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages import propose as stage
from autoresearch_git.stages.run import class_here


def _propose(research: Research, count: int, emitter: str | None, seed: int | None) -> Experiment:
    rng = random.Random(None if seed is None else seed + count)
    return stage.propose(research, class_here(research), rng, emitter)


@click.command()
@click.option("-n", "number", default=1, type=click.IntRange(1), help="How many (default 1).")
@click.option("--emitter", help="Ask this emitter instead of the scheduler's choice.")
@click.option("--seed", type=int, help="Make the random choices repeatable.")
@click.option("--from-worktree", is_flag=True, help="Take the target files as you edited them.")
@click.option("-m", "--message", help="With --from-worktree: the idea in one line.")
@click.option("--hypothesis", default="", help="With --from-worktree: why it should help.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    number: int,
    emitter: str | None,
    seed: int | None,
    from_worktree: bool,
    message: str | None,
    hypothesis: str,
    branch: str,
    as_json: bool | None,
) -> None:
    """Make the next experiments: commits, announced on the trail.

    Nothing of yours is touched: not the working tree, not the index, not the branch.

    \b
    git ar propose -n 3 | git ar run | git ar review | git ar select
    git ar propose --from-worktree -m "warm up for 100 steps"
    """
    if from_worktree and not message:
        raise click.UsageError("--from-worktree needs the idea in one line: -m TEXT")
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    for count in range(number):
        if from_worktree:
            experiment = stage.from_worktree(research, message or "", hypothesis)
        else:
            experiment = _propose(research, count, emitter, seed)
        _show(output, experiment)
        if from_worktree:
            break
    for notice in research.memory.notices:
        talk(notice)


def _show(output: Output, experiment: Experiment) -> None:
    if output.json:
        output.record(experiment)
    elif experiment.plan:
        plan = experiment.plan
        click.echo(f"{experiment.commit[:9]}  {plan.phase}/{plan.emitter}  {plan.change}")
        if plan.hypothesis:
            click.echo(f"           {plan.hypothesis}")
