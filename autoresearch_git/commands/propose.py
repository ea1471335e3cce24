"""git ar propose: make the next experiments."""

from __future__ import annotations

import os
import random

import click

from autoresearch_git.errors import NoProposalError
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages import propose as stage


def _propose(
    research: Research, count: int, emitter: str | None, agent: str | None, seed: int | None
) -> Experiment | None:
    """The next experiment; None when an agent gave nothing to try, which is on the trail."""
    from autoresearch_git.stages.backend import class_here

    rng, klass = random.Random(None if seed is None else seed + count), class_here(research)
    if agent is None:
        return stage.propose(research, klass, rng, emitter)
    from autoresearch_git.stages import agent_propose

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
@click.option(
    "--set", "settings", multiple=True, metavar="KNOB=VALUE", help="Set a knob; may be repeated."
)
@click.option("-m", "--message", default="", help="Your idea in one line.")
@click.option("--hypothesis", default="", help="Why your idea should help.")
@click.option("--expected", type=float, help="How far you expect it to move the metric.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(
    number: int,
    emitter: str | None,
    agent: str | None,
    seed: int | None,
    from_worktree: bool,
    settings: tuple[str, ...],
    message: str,
    hypothesis: str,
    expected: float | None,
    branch: str,
    as_json: bool | None,
) -> None:
    """Make the next experiments: commits, announced on the trail.

    Nothing of yours is touched: not the working tree, not the index, not the branch.

    \b
    git ar propose -n 3 | git ar run | git ar review | git ar select
    git ar propose --from-worktree -m "warm up for 100 steps"
    git ar propose --set MATRIX_LR=0.03 --set WARMDOWN=0.7
    git ar propose --agent codex,claude -n 5
    """
    if from_worktree and not message:
        raise click.UsageError("--from-worktree needs the idea in one line: -m TEXT")
    if from_worktree and settings:
        raise click.UsageError("--from-worktree and --set are two ideas: one at a time")
    mine = from_worktree or bool(settings)
    if not mine and (message or hypothesis or expected is not None):
        raise click.UsageError("-m, --hypothesis and --expected go with --from-worktree or --set")
    idea = stage.Idea(message, hypothesis, expected)
    output = Output.choose(as_json)
    # Threads only wait for each other on matrices as small as the model's. Read by numpy.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    research = Research.open(branch=branch)
    made = 0
    for count in range(1 if mine else number):
        experiment: Experiment | None
        if from_worktree:
            experiment = stage.from_worktree(research, idea)
        elif settings:
            experiment = _set(research, settings, idea)
        else:
            experiment = _propose(research, count, emitter, agent, seed)
        if experiment:
            made += 1
            _show(output, experiment)
    for notice in research.memory.notices:
        talk(notice)
    if not made:
        raise NoProposalError("no proposal was made", "what agents said is above")


def _set(research: Research, settings: tuple[str, ...], idea: stage.Idea) -> Experiment:
    from autoresearch_git.stages.backend import class_here
    from autoresearch_git.stages.settings import from_settings

    pairs = [text.partition("=") for text in settings]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise click.UsageError("--set takes KNOB=VALUE, such as --set MATRIX_LR=0.03")
    values = {name.strip(): value.strip() for name, _, value in pairs}
    return from_settings(research, class_here(research), values, idea)


def _show(output: Output, experiment: Experiment) -> None:
    if output.json:
        output.record(experiment)
    elif experiment.plan:
        plan = experiment.plan
        click.echo(f"{experiment.commit[:9]}  {plan.phase}/{plan.emitter}  {plan.change}")
        if plan.hypothesis:
            click.echo(f"           {plan.hypothesis}")
