"""git ar propose: make the next experiments."""

from __future__ import annotations

import random

import click

from autoresearch_git.errors import NoProposalError
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages import agent_propose
from autoresearch_git.stages import propose as stage
from autoresearch_git.stages.run import class_here


def _propose(
    research: Research, count: int, emitter: str | None, agent: str | None, seed: int | None
) -> Experiment | None:
    """The next experiment; None when an agent gave nothing to try, which is on the trail."""
    rng, klass = random.Random(None if seed is None else seed + count), class_here(research)
    if agent is None:
        return stage.propose(research, klass, rng, emitter)
    names = [name.strip() for name in agent.split(",") if name.strip()]
    try:
        return agent_propose.propose(research, klass, rng, names)
    except NoProposalError as error:
        talk(f"git ar: nothing to try from {error.message}")
        return None


@click.command()
@click.option("-n", "number", default=1, type=click.IntRange(1), help="How many (default 1).")
@click.option("--emitter", help="Ask this emitter instead of the scheduler's choice.")
@click.option(
    "--agent",
    is_flag=False,
    flag_value="",
    metavar="[NAME,...]",
    help="Let a coding agent make the change (default: git config ar.agent).",
)
@click.option("--seed", type=int, help="Make the random choices repeatable.")
@click.option("--from-worktree", is_flag=True, help="Take the target files as you edited them.")
@click.option("-m", "--message", help="With --from-worktree: the idea in one line.")
@click.option("--hypothesis", default="", help="With --from-worktree: why it should help.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    number: int,
    emitter: str | None,
    agent: str | None,
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
    git ar propose --agent codex,claude -n 5
    """
    if from_worktree and not message:
        raise click.UsageError("--from-worktree needs the idea in one line: -m TEXT")
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    made = 0
    for count in range(1 if from_worktree else number):
        experiment: Experiment | None
        if from_worktree:
            experiment = stage.from_worktree(research, message or "", hypothesis)
        else:
            experiment = _propose(research, count, emitter, agent, seed)
        if experiment:
            made += 1
            _show(output, experiment)
    for notice in research.memory.notices:
        talk(notice)
    if not made:
        raise NoProposalError("no proposal was made", "what agents said is above")


def _show(output: Output, experiment: Experiment) -> None:
    if output.json:
        output.record(experiment)
    elif experiment.plan:
        plan = experiment.plan
        click.echo(f"{experiment.commit[:9]}  {plan.phase}/{plan.emitter}  {plan.change}")
        if plan.hypothesis:
            click.echo(f"           {plan.hypothesis}")
