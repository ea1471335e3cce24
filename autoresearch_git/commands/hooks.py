"""git ar hooks: put hooks in, look at them, take them out."""

from __future__ import annotations

import click

from autoresearch_git.errors import ArError
from autoresearch_git.git.repo import Repo
from autoresearch_git.hooks import canary, install, queue, settings
from autoresearch_git.output import talk

_agents = click.option(
    "--agent", "agents", multiple=True, type=click.Choice(list(settings.FILES)), help="Of an agent."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Hooks of git, and with --agent those of a coding agent.

    With git's hooks, a commit `exp: IDEA` on a research branch is run, reviewed and decided in the
    background. They live beside the hooks that are there already; core.hooksPath is never set.

    \b
    git ar hooks install
    git ar hooks install --agent codex
    git ar hooks check
    """


@command.command("install")
@_agents
def install_(agents: tuple[str, ...]) -> None:
    """Install git's hooks, or with --agent the settings of coding agents."""
    repo = Repo.open()
    repo.place.private.mkdir(exist_ok=True)
    said = [settings.install(repo.place, agent) for agent in agents] or install.install(repo)
    for line in filter(None, said):
        talk(f"git ar: {line}")
    click.echo(f"installed: {', '.join(agents) or 'hooks of git'}")


@command.command("uninstall")
@_agents
def uninstall(agents: tuple[str, ...]) -> None:
    """Take the hooks out and put back, byte for byte, what was there."""
    repo = Repo.open()
    for agent in agents:
        settings.uninstall(repo.place, agent)
    kept = [] if agents else install.uninstall(repo)
    if kept:
        raise ArError("; ".join(kept))
    click.echo(f"removed: {', '.join(agents) or 'hooks of git'}")


@command.command("status")
def status() -> None:
    """How each hook stands, and what waits in the queue."""
    repo = Repo.open()
    for found in install.status(repo):
        click.echo(f"{found.name:<14} {found.state}")
    for client in settings.FILES:
        count = len(settings.installed(repo.place, client)) if repo.place.work else 0
        click.echo(f"{client:<14} {f'{count} hooks' if count else 'none'}")
    waiting = [item for item in queue.waiting(repo.place.private) if item.kind == "commit"]
    worker = ", a worker is at it" if queue.working(repo.place.private) else ""
    click.echo(f"queue          {len(waiting)} waiting{worker}")


@command.command("check")
def check() -> None:
    """Prove that the installed hooks of agents work: a canary has to be refused."""
    found = canary.check(Repo.open().place)
    if not found:
        raise ArError("no agent has hooks here", "git ar hooks install --agent codex")
    for each in found:
        click.echo(f"{each.client:<14} {'ok' if each.works else 'BROKEN'}: {each.text}")
    broken = [each.client for each in found if not each.works]
    if broken:
        raise ArError(f"hooks do not work: {', '.join(broken)}", "git ar hooks install --agent ...")
