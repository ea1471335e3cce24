"""git ar bundle: the whole memory in one file."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from autoresearch_git.memory.bundle import bundle
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def command(file: Path, as_json: bool | None) -> None:
    """Write the whole memory to FILE: trail, experiments, logs, research branches.

    \b
    git ar bundle research.bundle
    git ar unbundle research.bundle      in another repository
    """
    done = bundle(Memory.open(), file)
    if Output.choose(as_json).json:
        Output(True).line({"kind": "bundle", "v": 1, **msgspec.to_builtins(done)})
    else:
        click.echo(f"{file}: {done.events} events, {done.bytes / 1e6:.1f} MB")
