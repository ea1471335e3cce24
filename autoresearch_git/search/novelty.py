"""The novelty gate: what was tried already, up to formatting, and what nearly was."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Mapping, Sequence

from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob
from autoresearch_git.search.points import Point

NEAR = 0.01  # settings closer than this share of the range in every knob are the same idea


def key(files: Mapping[str, str]) -> str:
    """A hash of the files' syntax: comments, blank lines and formatting do not count.

    Text that is not valid Python counts as it stands.
    """
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        digest.update(path.encode() + b"\0" + _normal(path, text).encode() + b"\0")
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=8)  # the gate, the commit and its event ask for the same two texts
def _normal(path: str, text: str) -> str:
    if not path.endswith(".py"):
        return text
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            first = body[0] if body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:]  # a docstring changes nothing that runs
    return ast.dump(tree)


def equivalent(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether the change is one of formatting and comments only."""
    return key(old) == key(new)


def only_seed(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether the change is one of the random seed alone: a replicate, not a new experiment."""
    if set(old) != set(new) or equivalent(old, new):
        return False
    return all(_seedless(old[path]) == _seedless(new[path]) for path in old)


def _seedless(text: str) -> str:
    """The syntax with a 0 for every number that is assigned or passed to something named seed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() as value):
                values = [value]
            case ast.keyword(arg=str(name), value=ast.Constant() as value):
                values = [value]
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=args):
                values = [arg for arg in args if isinstance(arg, ast.Constant)]
            case _:
                continue
        for value in values if "seed" in name.lower() else ():
            value.value = 0
    return ast.dump(tree)


def seen(values: Mapping[str, str], known: Sequence[Point], knobs: Sequence[Knob]) -> str | None:
    """The experiment that had the same setting, or one too close to teach anything; else None.

    `values` must hold every knob. Categories and small integers must agree exactly.
    """
    limits = {knob.name: knob.range for knob in knobs}
    for point in known:
        names = point.values.keys() | values.keys()
        if all(_close(values.get(n), point.values.get(n), limits.get(n)) for n in names):
            return point.commit
    return None


def _close(a: str | None, b: str | None, limits: object) -> bool:
    if a == b:
        return True
    if a is None or b is None:
        # a structural move that only one of them has
        return (a or b) in ("False", "")
    from autoresearch_git.search.ranges import Range

    one, two = space.parse(a), space.parse(b)
    if one is None or two is None or not isinstance(limits, Range):
        return one is not None and one == two
    if limits.kind == "choice":
        return one == two
    if isinstance(one, str) or isinstance(two, str):
        return one == two
    if space.values(limits) and round(one) != round(two):
        return False
    return abs(space.to_unit(limits, one) - space.to_unit(limits, two)) < NEAR
