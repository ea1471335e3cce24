"""git ar stop: end a running loop."""

from __future__ import annotations

import click

from autoresearch_git import loop
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk


@click.command()
def command() -> None:
    """End the loops that run in this repository, once their runs in flight are done.

    \b
    git ar stop
    """
    loop.stop_file(Memory.open().place).touch()
    talk("loops that run now will end when their runs in flight are done")
