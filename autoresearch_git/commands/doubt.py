"""git ar doubt: keeps that did not hold up."""

from __future__ import annotations

import click

from autoresearch_git.clean import clean
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.review.confirm import doubted


@click.command()
@json_option
def command(as_json: bool | None) -> None:
    """Keeps whose replicates speak against them, and what was built on each.

    \b
    git ar doubt
    """
    memory = Memory.open()
    output = Output.choose(as_json)
    found = doubted(memory.index.oldest_first())
    for doubt in found:
        if output.json:
            record = {"kind": "doubt", "v": 1, "commit": doubt.commit, "reason": doubt.reason}
            output.line(record | {"built_on": list(doubt.built_on)})
            continue
        click.echo(f"{doubt.commit[:9]}  {clean(doubt.reason)}")
        for oid in doubt.built_on:
            click.echo(f"    built on it: {oid[:9]}")
    if not found and not output.json:
        click.echo("no keep is in doubt")
