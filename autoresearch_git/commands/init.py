"""git ar init: start a research."""

from __future__ import annotations

import click

from autoresearch_git import refs
from autoresearch_git.git.repo import Repo
from autoresearch_git.hooks import instructions
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.stages.start import Wishes, start


@click.command()
@click.option("--target", multiple=True, metavar="FILE", help="What experiments may change.")
@click.option("--protect", multiple=True, metavar="FILE", help="Restored before every run.")
@click.option("--command", metavar="CMD", help="How to run one experiment.")
@click.option("--metric", metavar="NAME", help="The number that the command prints last.")
@click.option("--minimize/--maximize", default=None, help="Which way is better (default: lower).")
@click.option("--timeout", metavar="TIME", help="Outer limit of a run, such as 10m.")
@click.option("--budget", type=float, metavar="SEC", help="Seconds of training in a run.")
@click.option("--sigma", type=float, metavar="SD", help="Noise of one run, as far as known.")
@click.option("--agent", is_flag=True, help="Write instructions for agents too, uncommitted.")
@click.option("--branch", metavar="autoresearch/TAG", help="Name of the research branch.")
@json_option
def command(
    target: tuple[str, ...],
    protect: tuple[str, ...],
    command: str | None,
    metric: str | None,
    minimize: bool | None,
    timeout: str | None,
    budget: float | None,
    sigma: float | None,
    agent: bool,
    branch: str | None,
    as_json: bool | None,
) -> None:
    """Start a research: write the contract (autoresearch.toml) and commit it on a new branch.

    Your branch, index and working tree stay as they are. In a repository with train.py and
    prepare.py no flag is needed.

    \b
    git ar init
    git ar init --agent
    git ar init --target model.py --command "make bench" --metric accuracy --maximize
    """
    from autoresearch_git.backends import hardware

    wishes = Wishes(target, protect, command, metric, minimize, timeout, budget, sigma, branch)
    repo = Repo.open()
    gpus = len(hardware.gpus())
    ref, contract = start(repo, wishes, gpus)
    if agent:
        made, kept = instructions.write(repo.place)
        talk(f"git ar: wrote {', '.join(made) or 'nothing'}: read, then commit")
        if kept:
            talk(f"  left as they are: {', '.join(kept)}")
    if Output.choose(as_json).json and as_json:
        Output(True).line({"kind": "init", "v": 1, "branch": refs.short(ref)})
        return
    click.echo(f"{refs.short(ref)}: {contract.direction} {contract.metric}")
    click.echo(f"  change   {', '.join(contract.target)}")
    if contract.protect:
        click.echo(f"  protect  {', '.join(contract.protect)}")
    click.echo(f"  run      {contract.command}  (killed after {contract.timeout})")
    if contract.budget:
        guessed = budget is None and not gpus
        doubt = " (no GPU here; experiments for one: --budget 300)" if guessed else ""
        click.echo(f"  budget   {contract.budget:g} s of training{doubt}")
    click.echo("next: git ar loop --runs 10, or git ar propose | git ar run | git ar review | ...")
