"""git ar stop: end a running loop."""

from __future__ import annotations

import click

from autoresearch_git import loop
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk


@click.command()
def command() -> None:
    """End the loop that runs in this repository, once its runs in flight are done.

    \b
    git ar stop
    """
    loop.stop_file(Memory.open().place).touch()
    talk("the loop will end when its runs in flight are done")
