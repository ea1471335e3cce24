"""git ar modal: look after what was rented."""

from __future__ import annotations

import dataclasses

import click

from autoresearch_git.output import Output, json_option
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import options
from autoresearch_git.stages.claim import is_followed


@click.group(name="modal")
def command() -> None:
    """Look after what was rented at Modal: git ar run --backend modal.

    \b
    git ar modal check
    git ar modal reap
    """


@command.command()
@json_option
def check(as_json: bool | None) -> None:
    """Whether there is a token and the service answers.

    \b
    git ar modal check
    """
    from autoresearch_git.backends.modal import service

    modal = service.sdk()
    service.check()
    if Output.choose(as_json).json:
        Output(True).line({"kind": "modal", "v": 1, "sdk": modal.__version__})
    else:
        click.echo(f"modal {modal.__version__}: there is a token, and the service answers")


@command.command()
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def reap(branch: str, as_json: bool | None) -> None:
    """End sandboxes of this app that no run in flight belongs to; they cost until they end.

    Another machine's runs in flight are known after git ar sync.

    \b
    git ar modal reap
    """
    from autoresearch_git.backends.modal.reap import reap

    research = Research.open(branch=branch)
    ended = reap(options(research, "modal"), lambda run: is_followed(research, run))
    if Output.choose(as_json).json:
        for orphan in ended:
            Output(True).line({"kind": "orphan", "v": 1, **dataclasses.asdict(orphan)})
        return
    for orphan in ended:
        click.echo(f"ended {orphan.sandbox}: run {orphan.run} of {orphan.commit}")
    if not ended:
        click.echo("nothing to end")
