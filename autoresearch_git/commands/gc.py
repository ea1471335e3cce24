"""git ar gc: pack what piled up."""

from __future__ import annotations

import click
import msgspec

from autoresearch_git.memory.gc import collect
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option


@click.command()
@click.option("--prune", default="", metavar="DATE", help="As git gc --prune; default two weeks.")
@json_option
def command(prune: str, as_json: bool | None) -> None:
    """Pack objects and refs, write the commit-graph, let go of old versions of the views.

    Experiments, kept or not, and events are reachable from the trail: nothing of them is dropped.

    \b
    git ar gc
    git ar gc --prune=now
    """
    done = collect(Memory.open(), prune=prune)
    if Output.choose(as_json).json:
        Output(True).line({"kind": "gc", "v": 1, **msgspec.to_builtins(done)})
    else:
        click.echo(
            f"objects {done.before / 1e6:.1f} MB -> {done.after / 1e6:.1f} MB, "
            f"index {done.index / 1e6:.1f} MB"
        )
