"""git ar knobs: what the search can turn in the target files."""

from __future__ import annotations

import click

from autoresearch_git.clean import clean
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, table
from autoresearch_git.output import Output, json_option, talk
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research
from autoresearch_git.search.conjectures import Conjecture
from autoresearch_git.search.insight import Insight
from autoresearch_git.search.knobs import Knob
from autoresearch_git.stages.backend import class_here
from autoresearch_git.stages.propose import targets


@click.command()
@click.option("--all", "every", is_flag=True, help="Also those of branches not taken here.")
@click.option("--branch", default="", help="The research branch, if there are several.")
@json_option
def command(every: bool, branch: str, as_json: bool | None) -> None:
    """The constants of the target files, their ranges, and what is known of each.

    Every top-level constant that is a number, a truth value or a pattern is one. Its range comes
    from a comment on its line (# ar: 1e-4..1e-2 log, # ar: 4..24, # ar: a | b, # ar: fixed),
    else from its value. Set some yourself with git ar propose --set NAME=VALUE.

    \b
    git ar knobs
    git ar knobs --json | jq -r 'select(.declared | not) | .name'
    """
    research = Research.open(branch=branch)
    klass = class_here(research)
    files = targets(research, research.tip)
    insight = Insight(research.history(klass), Experiment(commit=research.tip), files)
    for warning in insight.reading.warnings:
        talk(f"git ar: {clean(warning)}")
    knobs = insight.reading.knobs if every else insight.knobs
    tried = {knob.name: _values(insight, knob) - 1 for knob in knobs}
    if Output.choose(as_json).json:
        for knob in knobs:
            Output(True).line(_facts(knob, tried[knob.name], insight.conjectures.get(knob.name)))
        return
    style = Style.of()
    nothing = ["no knobs: the target files have no top-level constants"]
    for line in _lines(knobs, tried, insight.conjectures, style) if knobs else nothing:
        style.echo(line)


def _values(insight: Insight, knob: Knob) -> int:
    """How many values it has had."""
    return len({p.values.get(knob.name, knob.source) for p in insight.points} | {knob.source})


def _facts(knob: Knob, tried: int, belief: Conjecture | None) -> dict[str, object]:
    limits = knob.range
    span: dict[str, object] = {"low": limits.low, "high": limits.high}
    if limits.kind == "choice":
        span = {"choices": limits.choices}
    effect = (
        {}
        if belief is None
        else {
            "belief": belief.statement,
            "effect": belief.effect,
            "deviation": belief.deviation,
        }
    )
    return {
        "kind": "knob",
        "v": 1,
        "name": knob.name,
        "path": knob.path,
        "value": knob.value,
        "range": limits.kind,
        "declared": knob.declared,
        "active": knob.active,
        "tried": tried,
        **span,
        **effect,
    }


def _lines(
    knobs: tuple[Knob, ...], tried: dict[str, int], beliefs: dict[str, Conjecture], style: Style
) -> list[str]:
    columns = [
        Column("knob", [clean(knob.name, 60) for knob in knobs], weight=10),
        Column("value", [clean(knob.source, 30) for knob in knobs], right=True, weight=9),
        Column("range", [_range(knob) for knob in knobs], weight=8),
        Column("from", ["comment" if knob.declared else "value" for knob in knobs], weight=2),
        Column("tried", [str(tried[knob.name] or "") for knob in knobs], right=True, weight=4),
        Column("belief", [_belief(beliefs.get(knob.name)) for knob in knobs], weight=3),
    ]
    return table(columns, style)


def _range(knob: Knob) -> str:
    limits = knob.range
    if limits.kind == "choice":
        return clean(" | ".join(str(choice) for choice in limits.choices), 60)
    scale = {"linear": "", "power2": " powers of 2"}.get(limits.kind, f" {limits.kind}")
    return f"{limits.low:g}..{limits.high:g}{scale}"


def _belief(belief: Conjecture | None) -> str:
    if belief is None:
        return ""
    return f"{belief.statement} ({belief.effect:+.2g} ± {belief.deviation:.1g})"
