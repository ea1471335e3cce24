"""git ar verify: run an experiment again and compare."""

from __future__ import annotations

import click

from autoresearch_git.commands._pipe import finish
from autoresearch_git.errors import ArError
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import class_here, open_backend
from autoresearch_git.stages.run import run

LIMIT = 4.0  # standard deviations of one run's noise that two runs of one seed may differ by


@click.command()
@click.argument("commit")
@click.option("--backend", default="", help="Where to run (default: git config ar.backend, local).")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(commit: str, backend: str, branch: str, as_json: bool | None) -> None:
    """Run an experiment once more with the seed of its first result, and compare the two.

    Exit status 1 when they differ by more than the noise allows. Both stay on the trail.

    \b
    git ar verify autoresearch/mar5
    """
    research = Research.open(branch=branch)
    where = open_backend(research, backend)
    experiment, klass = research.experiment(commit), class_here(research, where)
    told = next((r for r in experiment.runs if r.value is not None and r.klass == klass), None)
    if told is None or told.value is None:
        raise ArError(f"{experiment.commit[:9]} has no result in class {klass} to compare with")
    again = run(research, experiment, where, seed=told.seed).runs[-1]
    if again.value is None:
        raise ArError(f"it did not finish this time: {again.outcome} {again.detail}")
    sigma = (experiment.review.sigma if experiment.review else None) or research.contract.sigma
    apart = abs(again.value - told.value) / (sigma * 2**0.5)
    if Output.choose(as_json).json:
        record = {"kind": "verify", "v": 1, "commit": experiment.commit, "told": told.value}
        Output(True).line(record | {"found": again.value, "sigmas": round(apart, 2)})
    about = f"told {told.value:.6f}, found {again.value:.6f}: {apart:.1f} sigma apart"
    talk(about)
    finish(research)
    if apart > LIMIT:
        raise ArError(f"{experiment.commit[:9]} does not repeat: {about}", "see: git ar show")
