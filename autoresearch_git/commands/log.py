"""git ar log: all experiments."""

from __future__ import annotations

import click

from autoresearch_git.errors import ArError
from autoresearch_git.look.filters import Filter, moment, niches
from autoresearch_git.look.numbers import estimate
from autoresearch_git.look.query import best_before
from autoresearch_git.look.rows import TSV, frontier_line, rows, tsv
from autoresearch_git.look.style import Style
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option
from autoresearch_git.records import Experiment


@click.command()
@click.option("-n", "--number", type=click.IntRange(1), help="Only the last so many.")
@click.option("--emitter", default="", help="Only those of one emitter.")
@click.option("--category", default="", help="Only one kind of change, such as optimizer.")
@click.option("--status", default="", help="Only one verdict, such as keep, near-miss or crash.")
@click.option("--niche", default="", help="Only one niche; * stands for anything.")
@click.option("--class", "klass", default="", help="Only one class; * stands for anything.")
@click.option("--since", default="", metavar="WHEN", help="2h, 3d, 1w, or a date.")
@click.option("--graph", "as_graph", is_flag=True, help="Draw who came from whom.")
@click.option("--tsv", "as_tsv", is_flag=True, help="Tab-separated, with a header line.")
@json_option
def command(
    number: int | None,
    emitter: str,
    category: str,
    status: str,
    niche: str,
    klass: str,
    since: str,
    as_graph: bool,
    as_tsv: bool,
    as_json: bool | None,
) -> None:
    """All experiments, oldest first: one line each, the same in every clone.

    \b
    git ar log -n 20
    git ar log --emitter simplifier --status near-miss --since 3d
    git ar log --graph -n 100
    git ar log --json | jq .review.value
    """
    if as_graph and as_tsv:
        raise click.UsageError("--graph or --tsv, not both")
    memory = Memory.open()
    after = moment(since) if since else None
    wanted = Filter(emitter, category, status, niche, klass, after)
    if as_tsv:
        _tsv(_found(memory, wanted, number))
    elif not as_graph and Output.choose(as_json).json:
        if number is None and wanted == Filter():
            for each in memory.index.oldest_first():  # one at a time, however many there are
                Output(True).record(each)
            return
        for each in _found(memory, wanted, number):
            Output(True).record(each)
    else:
        _show(memory, wanted, _found(memory, wanted, number), as_graph)


def _found(memory: Memory, wanted: Filter, number: int | None) -> list[Experiment]:
    found = list(wanted.newest(memory.index, number))[::-1]
    if not found and wanted.niche and not wanted.known_niche(memory.index):
        hint = f"reached so far: {', '.join(niches(memory.index)) or 'none'}"
        raise ArError(f"no experiment is in a niche {wanted.niche!r}", hint)
    return found


def _tsv(found: list[Experiment]) -> None:
    click.echo("\t".join(TSV))
    for each in found:
        click.echo(tsv(each))


def _show(memory: Memory, wanted: Filter, found: list[Experiment], as_graph: bool) -> None:
    style = Style.of()
    if not found:
        none = "no experiments yet: git ar loop --runs 10, or get some: git ar sync"
        style.echo(none if wanted == Filter() else "no experiment is like that: see git ar log")
        return
    if as_graph:
        from autoresearch_git.look.graph import graph

        lines = graph(found, style)
    else:
        lines = [*rows(found, style), *filter(None, [_frontier(memory, wanted, found, style)])]
    for line in lines:
        style.echo(line)


def _frontier(memory: Memory, wanted: Filter, found: list[Experiment], style: Style) -> str:
    """The class's frontier while these were tried; of a selection, the best of these alone."""
    if wanted.emitter or wanted.category or wanted.status or wanted.niche:
        return frontier_line(found, style, title="best of these")
    klass = next((each.klass for each in reversed(found) if each.klass), "")
    before = best_before(memory.index, klass, found[0].seq)
    return frontier_line(found, style, estimate(before.review) if before else None)
