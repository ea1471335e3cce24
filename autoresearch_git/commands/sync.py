"""git ar sync: exchange the memory with another clone."""

from __future__ import annotations

import click
import msgspec

from autoresearch_git import refs
from autoresearch_git.memory.publish import publish
from autoresearch_git.memory.store import Memory
from autoresearch_git.memory.sync import Synced, sync
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment


@click.command()
@click.argument("remote", default="")
@click.option("--no-push", is_flag=True, help="Only take in what is there.")
@click.option("--views", is_flag=True, help="Push notes, elites and near-miss tags too.")
@json_option
def command(remote: str, no_push: bool, views: bool, as_json: bool | None) -> None:
    """Exchange the memory with a remote: fetch its trail, join both, push. Nothing is forced.

    REMOTE is a remote's name, a path or a URL; by default ar.remote, origin, or the only one.
    A research branch goes on from the best that came, if that is better than what it stands on.
    --views is for people without git ar, whom git fetch REMOTE refs/notes/ar:refs/notes/ar
    gives the reviews.

    \b
    git ar sync
    git ar sync --views origin
    git ar sync /media/stick/research.git
    """
    memory = Memory.open()
    done = sync(memory, remote, push=not no_push)
    went_on = _adopted() if done.fetched else None
    if went_on and not no_push:
        memory.refresh()
        sync(memory, remote)
    if views and not no_push:
        publish(memory, remote)
    for notice in memory.notices:
        talk(f"git ar: {notice}")
    if Output.choose(as_json).json:
        Output(True).line({"kind": "sync", "v": 1, **msgspec.to_builtins(done)})
    else:
        click.echo(render(done))
        if went_on:
            click.echo(f"going on from {went_on.commit[:9]}, kept on another machine")


def _adopted() -> Experiment | None:
    # Imported here, since most syncs bring nothing and should be over at once.
    from autoresearch_git.errors import ArError
    from autoresearch_git.research import Research
    from autoresearch_git.stages.adopt import adopt
    from autoresearch_git.stages.backend import class_here

    try:
        research = Research.open()
    except ArError:
        return None  # a clone that only watches, or one with several research branches
    return adopt(research, class_here(research))


def render(done: Synced) -> str:
    """One line, and one more for each new branch."""
    if not done.tip:
        return f"nothing to sync: no experiments here, none at {done.remote}"
    if not done.fetched and not done.pushed:
        return f"up to date with {done.remote}"
    lines = [f"{done.remote}: {done.fetched} events came, {done.pushed} went"]
    lines += [f"new branch {refs.short(branch)}" for branch in done.branches]
    return "\n".join(lines)
