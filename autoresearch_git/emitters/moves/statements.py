"""Rewrites of whole statements, keyword arguments and defaults."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from autoresearch_git.emitters.moves.base import Rewrite
from autoresearch_git.emitters.moves.rewrite import parsed
from autoresearch_git.search.source import Offsets, splice


def keyword(name: str, old: str, new: str) -> Rewrite:
    """Give a keyword argument, or a parameter's default, a new value where it matches `old`.

    `old` is a regular expression for the whole source of the present value.
    """

    def rewrite(text: str) -> str:
        if name not in text:
            return text
        offsets = Offsets(text)
        changes = [
            (offsets.start(value), offsets.end(value), new)
            for value in _values(parsed(text), name)
            if re.fullmatch(old, offsets.segment(value))
        ]
        return splice(text, changes)

    return rewrite


def _values(tree: ast.Module, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == name:
            yield node.value
        elif isinstance(node, ast.arguments):
            plain = [*node.posonlyargs, *node.args]
            pairs = [*zip(plain[len(plain) - len(node.defaults) :], node.defaults, strict=True)]
            for parameter, default in pairs:
                if parameter.arg == name:
                    yield default
            for parameter, optional in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                if parameter.arg == name and optional is not None:
                    yield optional


def before(call: str, statement: str, unless: str) -> Rewrite:
    """Insert a statement before the first statement that calls something matching `call`."""

    def rewrite(text: str) -> str:
        if unless in text:
            return text
        for node in ast.walk(parsed(text)):
            match node:
                case ast.Expr(value=ast.Call(func=func)) if re.search(call, ast.unparse(func)):
                    return _insert(text, node, statement)
        return text

    return rewrite


def prologue(function: str, parameter: str, code: str, unless: str) -> Rewrite:
    """Put code first into the functions of this name whose first parameter is `parameter`.

    `function` and `unless` are regular expressions; a function whose text matches `unless` is
    left alone.
    """

    def rewrite(text: str) -> str:
        for node in ast.walk(parsed(text)):
            if not isinstance(node, ast.FunctionDef) or not re.search(function, node.name):
                continue
            names = [argument.arg for argument in node.args.args]
            if names[:1] != [parameter] or re.search(unless, ast.unparse(node), re.IGNORECASE):
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body and body[0].lineno > node.lineno:
                return _insert(text, body[0], code)
        return text

    return rewrite


def _insert(text: str, node: ast.stmt, code: str) -> str:
    """The code, indented as the statement, on lines of its own before it."""
    at = Offsets(text).line(node)
    lines = [" " * node.col_offset + line + "\n" for line in code.splitlines()]
    return text[:at] + "".join(lines) + text[at:]
