"""git ar steer: say what the next proposals should look at."""

from __future__ import annotations

import click

from autoresearch_git.clean import clean
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk
from autoresearch_git.records import Event


@click.command()
@click.argument("text", nargs=-1, required=True)
def command(text: tuple[str, ...]) -> None:
    """Leave a wish for the next proposals. It goes on the trail, and agents are shown it.

    \b
    git ar steer look at the warm-down, the last tenth of the run is flat
    """
    wish = clean(" ".join(text), 500)
    Memory.open().append(Event(kind="remark", remark=wish))
    talk(f"noted: {wish}")
