"""A synthetic train.py for a landscape: a setting as text that emitters can change, and back.

A knob is a constant with its range in a comment, its name made one that Python allows (`BETAS[0]`
is an element, `DEPTH@1` stands in a branch). A dimension `move:NAME` is a line in which the
structural move of that name finds its pattern: it was made when the line is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from autoresearch_git.search import knobs
from autoresearch_git.search.landscape import Setting
from autoresearch_git.search.ranges import Range, Value

LINES = {
    "move:no-softcap": "logits = 30 * torch.tanh(logits / 30)",
    "move:sharper-queries": "queries = norm(q)",
    "move:smaller-init": "bound = 3**0.5 * n**-0.5",
    "move:rotary-base": "table = rotary(length, base=10000)",
    "move:no-dropout": "drop = nn.Dropout(rate)",
    "move:no-bias": "project = nn.Linear(n, n, bias=True)",
    "move:weight-decay": "adam = AdamW(rows, weight_decay=0.0)",
    "move:no-nesterov": "muon = Muon(matrices, nesterov=True)",
}


def render(setting: Setting, ranges: Mapping[str, Range]) -> str:
    """The train.py of the setting; blank lines keep changes of neighbours from conflicting."""
    lines, constants = [], identifiers(ranges)
    for name, limits in ranges.items():
        if name in LINES:
            lines.append(LINES[name])
        else:
            lines.append(f"{constants[name]} = {setting[name]!r}  # ar: {_comment(limits)}")
    return "".join(f"{line}\n\n" for line in lines)


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """A name for each that Python allows and no other has."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"\W", "_", name)
        while plain in found.values():
            plain += "_"
        found[name] = plain
    return found


def _comment(limits: Range) -> str:
    if limits.kind == "choice":
        return " | ".join(str(choice) for choice in limits.choices)
    log = " log" if limits.kind in ("log", "power2") else ""
    digits = ".0f" if limits.integer else "g"
    return f"{limits.low:{digits}}..{limits.high:{digits}}{log}"


def setting_of(text: str, ranges: Mapping[str, Range]) -> dict[str, Value]:
    """The setting of a train.py that was rendered for these ranges and changed since."""
    found = {knob.name: knob.value for knob in knobs.read({"train.py": text}).knobs}
    there = set(text.splitlines())
    made: dict[str, Value] = {name: LINES[name] not in there for name in ranges if name in LINES}
    constants = identifiers(ranges)
    return {name: made[name] if name in made else found[constants[name]] for name in ranges}
