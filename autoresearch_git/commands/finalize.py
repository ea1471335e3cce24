"""git ar finalize: clean branches for human review."""

from __future__ import annotations

import click

from autoresearch_git import config, refs
from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError
from autoresearch_git.git.process import git
from autoresearch_git.output import Output, json_option
from autoresearch_git.research import Research
from autoresearch_git.stages.finalize import Idea, finalize, kept, publish


@click.command()
@click.option("--branch", default="", help="The research branch, if there are several.")
@click.option("--onto", default="", help="Where they start (default: where the research did).")
@click.option("--min-n", "least", default=2, type=click.IntRange(1), help="Runs (default 2).")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@json_option
def command(branch: str, onto: str, least: int, dry_run: bool, as_json: bool | None) -> None:
    """Make a branch for every confirmed idea: one commit, with mean, sd and n in its message.

    An idea that does not apply to the start alone stands on the branch of an earlier one. The
    research branch and your working tree stay as they are.

    \b
    git ar finalize --dry-run
    git ar finalize && git push origin 'refs/heads/finalize/*'
    """
    research = Research.open(branch=branch)
    memory = research.memory
    start = _start(research)
    base = memory.repo.resolve(onto) if onto else start
    ideas = finalize(memory, kept(memory, research.branch, start), base, least)
    if not dry_run:
        publish(memory, ideas)
    output = Output.choose(as_json)
    for idea in ideas:
        _say(output, idea, dry_run)
    if not output.json and not any(idea.commit for idea in ideas):
        click.echo(f"no idea has {least} runs yet: git ar run --replicate COMMIT")


def _start(research: Research) -> str:
    """The commit of the contract that the research began with."""
    place = research.memory.place.git_dir
    flags = ("log", "--first-parent", "--diff-filter=A", "--format=%H", research.branch)
    found = git(place, *flags, "--", config.FILE).split()
    if not found:
        raise ArError(f"no start of {refs.short(research.branch)} found", "say it: --onto COMMIT")
    return found[-1]


def _say(output: Output, idea: Idea, dry: bool) -> None:
    commit, change = idea.experiment.commit, idea.experiment.plan
    if output.json:
        names = {"branch": refs.short(idea.branch), "above": refs.short(idea.above)}
        facts = {"experiment": commit, "commit": idea.commit, "why": idea.why, **names}
        output.line({"kind": "idea", "v": 1, **facts})
        return
    about = f"{commit[:9]} {clean(change.change, 60) if change else ''}"
    if not idea.commit:
        click.echo(f"left out  {about}: {idea.why}")
        return
    above = f", on {refs.short(idea.above)}" if idea.above else ""
    verb = "would make" if dry else "made" if idea.new else "there"
    click.echo(f"{verb:<9} {refs.short(idea.branch)}{above}")
