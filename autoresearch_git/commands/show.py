"""git ar show: one experiment in full."""

from __future__ import annotations

import click

from autoresearch_git.git.process import git
from autoresearch_git.memory import note
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.research import find
from autoresearch_git.review.clean import clean_lines


@click.command()
@click.argument("commit", default="HEAD")
@click.option("--log", "show_log", is_flag=True, help="The whole log of its latest run.")
@json_option
def command(commit: str, show_log: bool, as_json: bool | None) -> None:
    """One experiment: its review, its diff, or with --log what its run printed.

    \b
    git ar show autoresearch/mar5
    git ar show 1a2b3c4 --log | less
    """
    memory = Memory.open()
    experiment = find(memory, commit)
    if show_log:
        text = memory.log(experiment.commit)
        click.echo(clean_lines(text, limit=len(text) + 1, width=2000))
        return
    if Output.choose(as_json).json:
        Output(True).record(experiment)
        return
    click.echo(f"experiment {experiment.commit}\n")
    click.echo(note.render(experiment))
    if experiment.plan and experiment.plan.parent:
        parent = experiment.plan.parent
        click.echo(git(memory.place.git_dir, "diff", "--stat", "-p", parent, experiment.commit))
