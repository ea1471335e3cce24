"""Who came from whom: keeps as one line downwards, everything else as side branches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autoresearch_git.look.numbers import number
from autoresearch_git.look.rows import change
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import crop
from autoresearch_git.records import KEEPS, Experiment

DEEPEST = 12  # side branches further in are drawn no further to the right


def graph(found: Sequence[Experiment], style: Style) -> list[str]:
    """Experiments (oldest first) as a tree, parents above their children."""
    aliases = {e.decision.new: e.commit for e in found if e.decision and e.decision.new}
    known = {each.commit: each for each in found}
    below: dict[str, list[Experiment]] = {}
    for each in found:
        parent = each.plan.parent if each.plan else ""
        parent = aliases.get(parent, parent)
        below.setdefault(parent if parent in known and parent != each.commit else "", []).append(
            each
        )
    return [
        crop(f"{rails}{style.mark(each.verdict)} {_line(each, style)}", style.width)
        for each, rails in _walk(below, style)
    ]


def _walk(below: dict[str, list[Experiment]], style: Style) -> Iterator[tuple[Experiment, str]]:
    """(experiment, what is drawn before it), depth first, without recursion."""
    bar = "│ " if style.unicode else "| "
    stack = [(each, 0) for each in reversed(below.get("", []))]
    while stack:
        each, depth = stack.pop()
        yield each, bar * min(depth, DEEPEST)
        mine = below.get(each.commit, [])
        side = [child for child in mine if child.verdict not in KEEPS]
        kept = [child for child in mine if child.verdict in KEEPS]
        # The last keep goes on in the parent's column, after all that branched off.
        stack += [(child, depth) for child in kept[-1:]]
        stack += [(child, depth + 1) for child in reversed(side + kept[:-1])]


def _line(each: Experiment, style: Style) -> str:
    return f"{each.commit[:9]} {number(each.value)} {style.verdict(each.verdict)} {change(each)}"
