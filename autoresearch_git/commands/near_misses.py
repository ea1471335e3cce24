"""git ar near-misses: what came close."""

from __future__ import annotations

import click

from autoresearch_git.look.filters import Filter
from autoresearch_git.look.query import latest_class
from autoresearch_git.look.rows import rows
from autoresearch_git.look.style import Style
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option


@click.command()
@click.option("-n", "--number", default=50, type=click.IntRange(1), help="At most (default 50).")
@click.option("--niche", default="", help="Only one niche; * stands for anything.")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
@json_option
def command(number: int, niche: str, klass: str, as_json: bool | None) -> None:
    """Experiments that came close: worth another seed, or to be combined with each other.

    The three best of each niche carry a tag: git tag -n3 --list 'near-miss/*'

    \b
    git ar near-misses
    git ar near-misses --niche 'optimizer.*' --json | jq -r .commit
    """
    index = Memory.open().index
    wanted = Filter(status="near-miss", niche=niche, klass=klass or latest_class(index))
    found = list(wanted.newest(index, number))[::-1]
    if Output.choose(as_json).json:
        for each in found:
            Output(True).record(each)
        return
    style = Style.of()
    for line in rows(found, style, niche=True) if found else ["no near misses yet"]:
        style.echo(line)
