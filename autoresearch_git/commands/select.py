"""git ar select: act on reviews."""

from __future__ import annotations

import click

from autoresearch_git.commands._pipe import finish, incoming, show
from autoresearch_git.output import Output, json_option
from autoresearch_git.research import Research
from autoresearch_git.stages.select import select


@click.command()
@click.argument("commits", nargs=-1)
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(commits: tuple[str, ...], branch: str, as_json: bool | None) -> None:
    """Decide on reviewed experiments: named ones, or those that come in on stdin.

    Keeps move the research branch, a niche's best becomes its elite, close calls get a near-miss
    tag. Nothing is reset or deleted: what is discarded stays on the trail.

    \b
    git ar propose | git ar run | git ar review | git ar select
    """
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    for experiment, extra in incoming(research, commits, "select"):
        show(output, select(research, experiment), extra)
    finish(research)
