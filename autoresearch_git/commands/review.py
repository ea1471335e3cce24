"""git ar review: judge what the runs showed."""

from __future__ import annotations

import click

from autoresearch_git.commands._pipe import finish, incoming, show
from autoresearch_git.output import Output, json_option
from autoresearch_git.research import Research
from autoresearch_git.stages.review import review


@click.command()
@click.argument("commits", nargs=-1)
@click.option("--force", is_flag=True, help="Judge again what was judged already.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(commits: tuple[str, ...], force: bool, branch: str, as_json: bool | None) -> None:
    """Judge experiments that were run: named ones, or those that come in on stdin.

    A review says what kind of change it was, where it landed, six scores, how sure we are, and
    why; git log --notes=ar shows it. What was reviewed already is passed on as it is.

    \b
    git ar review HEAD~3
    """
    output = Output.choose(as_json)
    research = Research.open(branch=branch)
    for experiment, extra in incoming(research, commits, "review"):
        show(output, review(research, experiment, force=force), extra)
    finish(research)
