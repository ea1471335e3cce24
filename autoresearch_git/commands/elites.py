"""git ar elites: the best of each niche."""

from __future__ import annotations

import click

from autoresearch_git.look.numbers import estimate
from autoresearch_git.look.query import elites, latest_class
from autoresearch_git.look.rows import rows
from autoresearch_git.look.style import Style
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment


@click.command()
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
@json_option
def command(klass: str, as_json: bool | None) -> None:
    """The best experiment of each niche: what the search keeps besides the one best.

    The estimate is the middle of the interval, as in `git ar best`: a lucky run does not lead.
    A niche says what kind of change it was and what it did to size and cost. Plain git knows
    them too: git for-each-ref refs/ar/elites

    \b
    git ar elites
    git ar elites --json | jq -r .review.niche
    """
    index = Memory.open().index
    found = list(elites(index, klass or latest_class(index)).values())
    found.sort(key=_rank)
    if Output.choose(as_json).json:
        for each in found:
            Output(True).record(each)
        return
    style = Style.of()
    for line in (
        rows(found, style, niche=True, estimated=True) if found else ["no niche has an elite yet"]
    ):
        style.echo(line)


def _rank(experiment: Experiment) -> tuple[float, str]:
    review = experiment.review
    value = estimate(review) or 0.0
    return (value if review and review.minimize else -value, experiment.commit)
