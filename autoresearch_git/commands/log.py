"""git ar log: all experiments."""

from __future__ import annotations

import click

from autoresearch_git.commands._pipe import line
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option


@click.command()
@click.option("-n", "--number", type=click.IntRange(1), help="Only the last so many.")
@json_option
def command(number: int | None, as_json: bool | None) -> None:
    """All experiments, oldest first: one line each, the same in every clone.

    \b
    git ar log -n 20
    git ar log --json | jq .review.value
    """
    output = Output.choose(as_json)
    memory = Memory.open()
    for experiment in memory.index.oldest_first(number):
        if output.json:
            output.record(experiment)
        else:
            click.echo(line(experiment))
