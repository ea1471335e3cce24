"""Knobs: the top-level constants of a target file, with their type, range and place in the text.

A knob that is assigned more than once (in the branches of a top-level `if`) gives one knob per
assignment, named NAME@1, NAME@2; an element of a tuple of numbers is NAME[0], NAME[1].
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autoresearch_git.records import Edit
from autoresearch_git.search.ranges import Range, derive, parse_comment
from autoresearch_git.search.source import Offsets

Value = bool | int | float | str


@dataclass(frozen=True)
class Knob:
    """One constant that may be turned. `start` and `end` are character offsets of its literal."""

    name: str
    path: str
    value: Value
    source: str
    start: int
    end: int
    range: Range
    active: bool = True  # False when it stands in a branch that this machine does not take
    declared: bool = False  # its range comes from a comment

    @property
    def base(self) -> str:
        """The constant's name without branch number and tuple index."""
        return re.sub(r"[@\[].*", "", self.name)


@dataclass(frozen=True)
class Reading:
    """The knobs of the target files, and what could not be read as one."""

    knobs: tuple[Knob, ...]
    warnings: tuple[str, ...] = ()

    def named(self) -> dict[str, Knob]:
        return {knob.name: knob for knob in self.knobs}


@dataclass(frozen=True)
class _Found:
    name: str
    node: ast.expr
    active: bool


def read(files: Mapping[str, str], machine: str = "") -> Reading:
    """All knobs of the files. `machine` (the class) says which branch of a profile `if` counts."""
    knobs: list[Knob] = []
    warnings: list[str] = []
    for path, text in sorted(files.items()):
        if not path.endswith(".py"):
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            warnings.append(f"{path}: no knobs, it is not valid Python ({error})")
            continue
        found, complaints = _read_file(path, text, tree, machine)
        knobs += found
        warnings += complaints
    return Reading(_unique(knobs), tuple(warnings))


def _read_file(
    path: str, text: str, tree: ast.Module, machine: str
) -> tuple[list[Knob], list[str]]:
    rebound = _rebound(tree, text)
    found = [each for each in _assignments(tree.body, True, machine) if each.name not in rebound]
    count: dict[str, int] = {}
    for each in found:
        count[each.name] = count.get(each.name, 0) + 1
    lines = Offsets(text)
    seen: dict[str, int] = {}
    knobs: list[Knob] = []
    warnings: list[str] = []
    for each in found:
        seen[each.name] = seen.get(each.name, 0) + 1
        name = f"{each.name}@{seen[each.name]}" if count[each.name] > 1 else each.name
        comment = _comment(text, lines.end(each.node))
        try:
            declared = parse_comment(comment)
        except ValueError as error:
            declared = None
            warnings.append(f"{path}: {name}: {error}; its range is derived from its value")
        if declared is not None and declared.kind == "fixed":
            continue
        for suffix, node in _literals(each.node):
            knob = _knob(name + suffix, path, node, lines, declared, each.active)
            if knob is not None:
                knobs.append(knob)
    return knobs, warnings


def _knob(
    name: str, path: str, node: ast.expr, lines: Offsets, declared: Range | None, active: bool
) -> Knob | None:
    value = evaluate(node)
    if value is None:
        return None
    limits = declared.fit(value) if declared else None
    limits = limits or derive(re.sub(r"[@\[].*", "", name), value)
    if limits is None:
        return None
    start, end = lines.start(node), lines.end(node)
    return Knob(
        name, path, value, lines.text[start:end], start, end, limits, active, declared is not None
    )


def _unique(knobs: list[Knob]) -> tuple[Knob, ...]:
    """Two files with the same constant: the later one carries its file's name."""
    seen: set[str] = set()
    result = []
    for knob in knobs:
        name = f"{knob.path}:{knob.name}" if knob.name in seen else knob.name
        seen.add(name)
        result.append(replace(knob, name=name))
    return tuple(result)


def evaluate(node: ast.expr) -> Value | None:
    """The number, truth value or string that a literal expression stands for, else None."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = evaluate(operand)
            return -inner if isinstance(inner, int | float) else None
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(op, evaluate(left), evaluate(right))
    return None


def _arithmetic(op: ast.operator, a: Value | None, b: Value | None) -> Value | None:
    if not isinstance(a, int | float) or not isinstance(b, int | float):
        return None
    match op:
        case ast.Mult():
            return a * b
        case ast.Div() if b:
            return a / b
        case ast.Pow() if abs(a) <= 1024 and 0 <= b <= 64:
            return int(a**b) if isinstance(a, int) and isinstance(b, int) else float(a**b)
        case ast.LShift() if isinstance(a, int) and isinstance(b, int) and 0 <= b <= 64:
            return a << b
    return None


def _literals(node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Tuple | ast.List):
        if all(isinstance(evaluate(item), int | float) for item in node.elts):
            yield from ((f"[{i}]", item) for i, item in enumerate(node.elts))
    else:
        yield "", node


def _assignments(body: list[ast.stmt], active: bool, machine: str) -> Iterator[_Found]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield _Found(name, value, active)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield _Found(name, value, active)
            case ast.If(test=test, body=then, orelse=other):
                if ast.unparse(test).startswith("__name__"):
                    continue
                taken = branch(test, machine)
                yield from _assignments(then, active and taken is not False, machine)
                yield from _assignments(other, active and taken is not True, machine)


def branch(test: ast.expr, machine: str) -> bool | None:
    """Whether the class takes the branch of `PROFILE == "cpu"` and its like; None: can't tell."""
    words = re.split(r"[^a-z0-9]+", machine.lower())
    if not machine:
        return None
    cpu = "cpu" in words
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            taken = branch(inner, machine)
            return None if taken is None else not taken
        case ast.Compare(ops=[ast.Eq() | ast.NotEq() as op], comparators=[ast.Constant(value=v)]):
            if v in ("cpu", "gpu", "cuda"):
                return ((v == "cpu") == cpu) == isinstance(op, ast.Eq)
    return not cpu if ast.unparse(test) == "torch.cuda.is_available()" else None


def _rebound(tree: ast.Module, text: str) -> set[str]:
    """Names that code changes later (counters, state): turning those means nothing."""
    stores: set[str] = set()
    top = {id(target) for target in _top_targets(tree.body)}
    for node in _module_level(tree.body):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            stores.add(node.target.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in top:
            stores.add(node.id)
    if "global " in text:  # the walk through every function is worth it only then
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                stores.update(node.names)
    return stores


def _top_targets(body: list[ast.stmt]) -> Iterator[ast.expr]:
    for node in body:
        if isinstance(node, ast.Assign):
            yield from node.targets
        elif isinstance(node, ast.AnnAssign):
            yield node.target
        elif isinstance(node, ast.If):
            yield from _top_targets(node.body)
            yield from _top_targets(node.orelse)


def _module_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of the module's own scope: functions and classes have their own names."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def _comment(text: str, end: int) -> str:
    """What follows the value on its line."""
    stop = text.find("\n", end)
    return text[end : stop if stop >= 0 else len(text)]


def write(files: Mapping[str, str], reading: Reading, values: Mapping[str, str]) -> dict[str, str]:
    """The files with the named knobs set to new source text; nothing else changes by a byte."""
    result = dict(files)
    chosen = [knob for knob in reading.knobs if knob.name in values]
    for knob in sorted(chosen, key=lambda knob: -knob.start):
        text = result[knob.path]
        result[knob.path] = text[: knob.start] + values[knob.name] + text[knob.end :]
    return result


def diff(old: Reading, new: Reading) -> tuple[Edit, ...]:
    """The knobs that both have with another source text."""
    before = old.named()
    return tuple(
        Edit(name=knob.name, old=before[knob.name].source, new=knob.source)
        for knob in new.knobs
        if knob.name in before and before[knob.name].source != knob.source
    )
