"""git ar doctor: what could harm the memory."""

from __future__ import annotations

import sys

import click
import msgspec

from autoresearch_git.git import locate
from autoresearch_git.git.locate import Place
from autoresearch_git.hooks import canary
from autoresearch_git.memory.doctor import Ailment, cure, examine
from autoresearch_git.output import Output, json_option


@click.command()
@click.option("--fix", is_flag=True, help="Remove lock files whose process is gone.")
@json_option
def command(fix: bool, as_json: bool | None) -> None:
    """Look for what could harm the memory: stale locks, clobbering refspecs, and the like.

    Each line says its cure. Exit status 1 if something stops git ar from working.

    \b
    git ar doctor
    git ar doctor --fix
    """
    place = locate.find()
    removed = cure(place) if fix else []
    found = [*examine(place), *_silent_hooks(place)]
    ok = all(ailment.level != "error" for ailment in found)
    if Output.choose(as_json).json:
        listed = msgspec.to_builtins(found)
        Output(True).line(
            {"kind": "doctor", "v": 1, "ok": ok, "ailments": listed, "removed": removed}
        )
    else:
        for name in removed:
            click.echo(f"removed: {name}")
        for ailment in found:
            click.echo(f"{ailment.level}: {ailment.text}\n  cure: {ailment.cure}")
        if not found:
            click.echo("nothing found that could harm the memory")
    if not ok:
        sys.exit(1)


def _silent_hooks(place: Place) -> list[Ailment]:
    """Agents whose settings have our hook, where it does not fire."""
    return [
        Ailment(
            "warning", "hooks", f"the hook of {found.client} does not work: {found.text}", again
        )
        for found in canary.check(place)
        if not found.works
        for again in [f"git ar hooks install --agent {found.client}"]
    ]
