"""git ar fsck: prove that all views follow from the trail."""

from __future__ import annotations

import sys

import click
import msgspec

from autoresearch_git.clean import clean
from autoresearch_git.memory.fsck import Checked, Finding, check, repair
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option, talk


@click.command()
@click.option("--repair", "mend", is_flag=True, help="Make wrong views anew from the trail.")
@json_option
def command(mend: bool, as_json: bool | None) -> None:
    """Make notes, elites, tags and index anew from the trail, and compare them with what is there.

    Exit status 1 if something is wrong that was not repaired. The trail is never changed.

    \b
    git ar fsck
    git ar fsck --repair
    """
    memory = Memory.here()
    checked = check(memory)
    mended: list[Finding] = []
    if mend and not checked.ok:
        repair(memory)
        before, checked = checked, check(memory)
        mended = [f for f in before.findings if f not in checked.findings]
    if Output.choose(as_json).json:
        found = msgspec.to_builtins(checked) | {"repaired": msgspec.to_builtins(mended)}
        Output(True).line({"kind": "fsck", "v": 1, "ok": checked.ok, **found})
    else:
        for finding in mended:
            click.echo(f"repaired: {_line(finding)}")
        for finding in checked.findings:
            click.echo(f"{finding.level}: {_line(finding)}")
        click.echo(render(checked))
    if not checked.ok:
        if not mend and any(finding.repairable for finding in checked.findings):
            talk("git ar: the views can be made anew: git ar fsck --repair")
        sys.exit(1)


def render(checked: Checked) -> str:
    """The last line."""
    wrong = sum(finding.level == "error" for finding in checked.findings)
    result = f"{wrong} errors" if wrong else "all views follow from the trail"
    return f"{checked.events} events, {checked.experiments} experiments: {result}"


def _line(finding: Finding) -> str:
    return f"{finding.what} {clean(finding.about, 200)}: {clean(finding.text, 300)}"
