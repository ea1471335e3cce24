"""git ar show: one experiment in full."""

from __future__ import annotations

import click

from autoresearch_git.clean import clean_lines
from autoresearch_git.errors import GitError, UnknownExperimentError
from autoresearch_git.look.query import children, find, latest_class
from autoresearch_git.look.style import Style
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Event, Experiment


@click.command()
@click.argument("commit", default="")
@click.option("--log", "show_log", is_flag=True, help="The whole log of its latest run.")
@click.option("--diff/--no-diff", default=True, help="Its change against its parent.")
@json_option
def command(commit: str, show_log: bool, diff: bool, as_json: bool | None) -> None:
    """One experiment: review, scores, runs, children, verdicts and diff, or its log.

    Without a name: what is checked out, else the best one.

    \b
    git ar show autoresearch/mar5
    git ar show 1a2b3c4 --log | less
    """
    memory = Memory.open()
    experiment = find(memory, commit) if commit else _here(memory)
    if show_log:
        text = memory.log(experiment.commit)
        click.echo(clean_lines(text, limit=len(text) + 1, width=2000))
        return
    if Output.choose(as_json).json:
        Output(True).record(experiment)
        return
    _show(memory, experiment, diff)


def _here(memory: Memory) -> Experiment:
    try:
        return find(memory, "HEAD")
    except UnknownExperimentError:
        if best := past.best(memory.index, latest_class(memory.index)):
            return best
        raise


def _show(memory: Memory, experiment: Experiment, diff: bool) -> None:
    from autoresearch_git.look.detail import detail

    style = Style.of()
    below = children(memory.index, experiment)
    for line in detail(experiment, below, _verdicts(memory, experiment.commit), style):
        style.echo(line)
    parent = experiment.plan.parent if experiment.plan else ""
    if diff and parent:
        from autoresearch_git.git.process import git
        from autoresearch_git.look.diff import coloured

        style.echo()
        try:
            text = git(memory.place.git_dir, "diff", "--stat", "-p", parent, experiment.commit)
        except GitError as error:
            style.echo(f"no diff: {error.message}")
            return
        for line in coloured(text.rstrip("\n"), style):
            style.echo(line)


def _verdicts(memory: Memory, commit: str) -> list[Event]:
    """Its reviews and decisions, if there were several: they may have to be read from git."""
    index = memory.index
    if [kind for _, kind, _ in index.trail_of(commit)].count("review") < 2:
        return []
    both = [*index.events_of(commit, "review"), *index.events_of(commit, "decision")]
    return sorted(both, key=lambda event: (event.seq, event.id))
