"""Rewriting expressions by example: `F.relu(Q_x).square()` becomes `F.silu(Q_x)`.

Names that start with Q_ stand for any expression (the same one wherever they are repeated), and
`*Q_name` for all remaining arguments of a call. Only the matched text changes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from autoresearch_git.emitters.moves.base import Rewrite
from autoresearch_git.search.source import Offsets, splice

TIGHT = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant, ast.List, ast.Dict)
LOOSE_PLACES = (ast.Tuple, ast.List, ast.Lambda, ast.IfExp)  # an operator needs no parentheses


def rules(*pairs: tuple[str, str], unless: str = "", within: str = "") -> Rewrite:
    """A rewrite that applies every (pattern, replacement) pair wherever it matches.

    Nothing happens where the text matches the regular expression `unless`; `within` limits the
    rules to classes and functions whose name contains it.
    """

    def rewrite(text: str) -> str:
        if unless and re.search(unless, text):
            return text
        for pattern, replacement in pairs:
            text = _apply(text, pattern, replacement, within)
        return text

    return rewrite


def every(*rewrites: Rewrite) -> Rewrite:
    """All of the rewrites or nothing: each must find its pattern."""

    def rewrite(text: str) -> str:
        now = text
        for step in rewrites:
            after = step(now)
            if after == now:
                return text
            now = after
        return now

    return rewrite


def first(*rewrites: Rewrite) -> Rewrite:
    """The first rewrite that finds its pattern."""

    def rewrite(text: str) -> str:
        return next((after for step in rewrites if (after := step(text)) != text), text)

    return rewrite


@lru_cache(maxsize=8)
def parsed(text: str) -> ast.Module:
    """The syntax tree; several moves look at the same text."""
    return ast.parse(text)


def scopes(
    node: ast.AST, names: tuple[str, ...] = ()
) -> Iterator[tuple[ast.AST, ast.AST, tuple[str, ...]]]:
    """Every node below, with its parent and the classes and functions around it."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        names = (*names, node.name.lower())
    for child in ast.iter_child_nodes(node):
        yield child, node, names
        yield from scopes(child, names)


def _apply(text: str, pattern: str, replacement: str, within: str) -> str:
    words = re.findall(r"[A-Za-z_]\w*", pattern)
    if not all(word in text for word in words if not word.startswith("Q_")):
        return text  # spares the walk
    wanted = ast.parse(pattern, mode="eval").body
    offsets = Offsets(text)
    changes = []
    for node, parent, names in scopes(parsed(text)):
        if not isinstance(node, ast.expr) or (within and not any(within in n for n in names)):
            continue
        bound = _Bound()
        if matches(wanted, node, bound):
            new = _filled(replacement, bound, offsets)
            if isinstance(parent, ast.expr) and not isinstance(parent, LOOSE_PLACES):
                argument = isinstance(parent, ast.Call) and node is not parent.func
                new = new if argument else _wrapped(new)
            changes.append((offsets.start(node), offsets.end(node), new))
    return splice(text, changes)


@dataclass
class _Bound:
    """What the Q_ names of a pattern stand for."""

    one: dict[str, ast.expr] = field(default_factory=dict)
    rest: dict[str, list[ast.expr | ast.keyword]] = field(default_factory=dict)


def matches(pattern: ast.AST, node: ast.AST, bound: _Bound) -> bool:
    """Whether the node has the pattern's shape; what the Q_ names stand for goes into `bound`."""
    if isinstance(pattern, ast.Name) and pattern.id.startswith("Q_"):
        if not isinstance(node, ast.expr):
            return False
        known = bound.one.setdefault(pattern.id, node)
        return known is node or ast.dump(known) == ast.dump(node)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.Call) and isinstance(node, ast.Call):
        return matches(pattern.func, node.func, bound) and _arguments(pattern, node, bound)
    return all(
        _same(getattr(pattern, name), getattr(node, name), bound)
        for name in pattern._fields
        if name not in ("ctx", "kind", "type_comment")
    )


def _arguments(pattern: ast.Call, node: ast.Call, bound: _Bound) -> bool:
    match pattern.args[-1:]:
        case [ast.Starred(value=ast.Name(id=name))] if name.startswith("Q_"):
            wanted = pattern.args[:-1]
            bound.rest[name] = [*node.args[len(wanted) :], *node.keywords]
            return _same(wanted, node.args[: len(wanted)], bound)
    return _same(pattern.args, node.args, bound) and _same(pattern.keywords, node.keywords, bound)


def _same(pattern: object, value: object, bound: _Bound) -> bool:
    if isinstance(pattern, ast.AST):
        return isinstance(value, ast.AST) and matches(pattern, value, bound)
    if isinstance(pattern, list):
        return (
            isinstance(value, list)
            and len(pattern) == len(value)
            and all(_same(a, b, bound) for a, b in zip(pattern, value, strict=True))
        )
    return type(pattern) is type(value) and pattern == value


def _filled(template: str, bound: _Bound, offsets: Offsets) -> str:
    """The template's text with what the Q_ names stand for."""

    def rest(match: re.Match[str]) -> str:
        found = bound.rest[match[1]]
        texts = [
            f"{arg.arg}={offsets.segment(arg.value)}" if isinstance(arg, ast.keyword) else
            offsets.segment(arg)
            for arg in found
        ]  # fmt: skip
        return ", ".join(texts)

    def one(match: re.Match[str]) -> str:
        node = bound.one[match[0]]
        text = offsets.segment(node)
        closed = isinstance(node, ast.Tuple) and text.startswith("(")
        bare = closed or isinstance(node, TIGHT) or template in (match[0], f"({match[0]})")
        return text if bare else f"({text})"

    text = template
    for name, found in bound.rest.items():
        text = text if found else re.sub(rf",?\s*\*{name}\b", "", text)
    text = re.sub(r"\*(Q_\w+)", lambda m: rest(m) if m[1] in bound.rest else m[0], text)
    return re.sub(r"Q_\w+", one, text)


def _wrapped(text: str) -> str:
    """In parentheses, unless it binds so tightly that it needs none."""
    return text if isinstance(ast.parse(text, mode="eval").body, TIGHT) else f"({text})"
