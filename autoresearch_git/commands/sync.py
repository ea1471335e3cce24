"""git ar sync: exchange the memory with another clone."""

from __future__ import annotations

import click
import msgspec

from autoresearch_git import refs
from autoresearch_git.memory.store import Memory
from autoresearch_git.memory.sync import Synced, sync
from autoresearch_git.output import Output, json_option, talk


@click.command()
@click.argument("remote", default="")
@click.option("--no-push", is_flag=True, help="Only take in what is there.")
@json_option
def command(remote: str, no_push: bool, as_json: bool | None) -> None:
    """Exchange the memory with a remote: fetch its trail, join both, push. Nothing is forced.

    REMOTE is a remote's name, a path or a URL; by default ar.remote, origin, or the only one.

    \b
    git ar sync
    git ar sync /media/stick/research.git
    """
    memory = Memory.open()
    done = sync(memory, remote, push=not no_push)
    for notice in memory.notices:
        talk(f"git ar: {notice}")
    if Output.choose(as_json).json:
        Output(True).line({"kind": "sync", "v": 1, **msgspec.to_builtins(done)})
    else:
        click.echo(render(done))


def render(done: Synced) -> str:
    """One line, and one more for each new branch."""
    if not done.tip:
        return f"nothing to sync: no experiments here, none at {done.remote}"
    if not done.fetched and not done.pushed:
        return f"up to date with {done.remote}"
    lines = [f"{done.remote}: {done.fetched} events came, {done.pushed} went"]
    lines += [f"new branch {refs.short(branch)}" for branch in done.branches]
    return "\n".join(lines)
