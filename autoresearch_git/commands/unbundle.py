"""git ar unbundle: take in a bundle."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from autoresearch_git import refs
from autoresearch_git.memory.bundle import unbundle
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option, talk


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(file: Path, as_json: bool | None) -> None:
    """Join the memory in FILE, written by git ar bundle, to that of this repository.

    \b
    git ar unbundle research.bundle
    """
    memory = Memory.open()
    done = unbundle(memory, file)
    for notice in memory.notices:
        talk(f"git ar: {notice}")
    if Output.choose(as_json).json:
        Output(True).line({"kind": "unbundle", "v": 1, **msgspec.to_builtins(done)})
        return
    click.echo(f"{file}: {done.events} events were new")
    for branch in done.branches:
        click.echo(f"new branch {refs.short(branch)}")
