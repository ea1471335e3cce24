"""What changed between two Python sources, by their syntax trees: a list of touched places.

A file of 500 lines parses in about 6 ms, so only the top-level statements that differ as text
are parsed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from autoresearch_git.review.blocks import regions

Path = tuple[str, ...]
LITERAL = (
    *(ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.BinOp),
    *(ast.expr_context, ast.operator, ast.unaryop),
)
MANY = 2500  # pairs of statements beyond which no versions are looked for
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Touch:
    """One place that changed. `names` are those that it concerns, the nearest first."""

    path: tuple[str, ...]  # enclosing classes and functions, then the target or keyword
    names: tuple[str, ...]
    old: ast.AST | None  # None: added
    new: ast.AST | None  # None: removed


def touches(old: str, new: str) -> list[Touch]:
    """The places that differ, in the new file's order; raises SyntaxError if one cannot be read.

    Comments, blank lines and layout are no difference.
    """
    try:
        pairs = [(ast.parse(a).body, ast.parse(b).body) for a, b in regions(old, new)]
    except SyntaxError:  # a region that is no statement alone, or a broken file
        pairs = [(ast.parse(old).body, ast.parse(new).body)]
    # Regions are compared as one, so that what moved within the file is no change.
    return list(_bodies([s for a, _ in pairs for s in a], [s for _, b in pairs for s in b], ()))


def size(node: ast.AST | None) -> int:
    """Syntax nodes in a tree, load and store marks left out."""
    if node is None:
        return 0
    return sum(not isinstance(part, ast.expr_context) for part in ast.walk(node))


def mentioned(node: ast.AST) -> Iterator[str]:
    """All names that occur in a tree: variables, attributes, keywords, functions, arguments."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, (ast.arg, ast.keyword)) and part.arg:
            yield part.arg
        elif isinstance(part, SCOPES):
            yield part.name
        elif isinstance(part, ast.alias):
            yield part.name.rsplit(".", 1)[-1]


def _key(node: ast.stmt) -> str:
    """What identifies a statement between two versions: its name, else all of it."""
    if isinstance(node, SCOPES):
        return f"def {node.name}"
    target = assigned(node)
    return f"= {target}" if target else ast.dump(node)


def assigned(node: ast.AST) -> str:
    """The single name (or dotted name) that a statement assigns to, else ""."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        target = node.target
    else:
        return ""
    return ast.unparse(target) if isinstance(target, (ast.Name, ast.Attribute)) else ""


def _bodies(old: Sequence[ast.stmt], new: Sequence[ast.stmt], path: Path) -> Iterator[Touch]:
    """Two lists of statements. A function or class is the same one wherever it stands."""
    there = {_key(node): node for node in old if isinstance(node, SCOPES)}
    for node in new:
        if isinstance(node, SCOPES):
            known = there.pop(_key(node), None)
            if known is None:
                yield Touch(path, _context(node, path), None, node)
            else:
                yield from _pair(known, node, path)
    yield from (Touch(path, _context(node, path), node, None) for node in there.values())
    plain = [node for node in old if not isinstance(node, SCOPES)]
    other = [node for node in new if not isinstance(node, SCOPES)]
    texts = [ast.dump(node) for node in plain], [ast.dump(node) for node in other]
    for tag, a, b, c, d in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _stretch(plain[a:b], other[c:d], path)


def _stretch(gone: list[ast.stmt], come: list[ast.stmt], path: Path) -> Iterator[Touch]:
    """Two stretches of statements that differ: versions of each other are compared in depth."""
    pairs = _partners(gone, come)
    for one, two in pairs:
        yield from _pair(one, two, path)
    matched = {id(node) for pair in pairs for node in pair}
    for node in gone:
        if id(node) not in matched:
            yield Touch(path, _context(node, path), node, None)
    for node in come:
        if id(node) not in matched:
            yield Touch(path, _context(node, path), None, node)


def _partners(gone: list[ast.stmt], come: list[ast.stmt]) -> list[tuple[ast.stmt, ast.stmt]]:
    """Statements that are versions of each other: the same name, else the same kind in order."""
    waiting: dict[str, list[ast.stmt]] = {}
    for node in reversed(come):
        waiting.setdefault(_key(node), []).append(node)
    pairs = [(one, waiting[_key(one)].pop()) for one in gone if waiting.get(_key(one))]
    matched = {id(node) for pair in pairs for node in pair}
    left = [node for node in gone if id(node) not in matched]
    right = [node for node in come if id(node) not in matched]
    if len(left) * len(right) > MANY:
        return pairs  # a rewritten file: nothing is a version of anything
    for one in left:
        two = next((node for node in right if _alike(one, node)), None)
        if two is not None:
            right.remove(two)
            pairs.append((one, two))
    return pairs


def _alike(one: ast.stmt, two: ast.stmt) -> bool:
    """Whether two statements without a common name are the same place, rewritten."""
    if type(one) is not type(two) or isinstance(one, SCOPES):
        return False
    if assigned(one) != assigned(two):
        return False
    a, b = set(mentioned(one)), set(mentioned(two))
    return len(a & b) * 2 >= min(len(a), len(b))


def _pair(old: ast.AST, new: ast.AST, path: Path) -> Iterator[Touch]:
    """Where two versions of one node differ, as deep down as the difference can be pinned."""
    if isinstance(old, SCOPES) and isinstance(new, SCOPES):
        inner = (*path, new.name)
        yield from _fields(old, new, inner, skip=("body",))
        yield from _bodies(old.body, new.body, inner)
    elif ast.dump(old) == ast.dump(new):
        return
    elif _literal(old) and _literal(new):
        yield Touch(path, _context(new, path, old), old, new)  # a knob: its value as a whole
    elif _inside(old, new) or _inside(new, old):
        yield Touch(path, _context(new, path, old), old, new)  # wrapped or unwrapped
    elif type(old) is type(new) and not isinstance(old, (ast.Constant, ast.Name, ast.operator)):
        name = assigned(new) or called(new)
        same = name == (assigned(old) or called(old))
        yield from _fields(old, new, (*path, name) if name and same else path)
    else:
        yield Touch(path, _context(new, path, old), old, new)


def _fields(old: ast.AST, new: ast.AST, path: Path, skip: Path = ()) -> Iterator[Touch]:
    for field in old._fields:
        if field in skip:
            continue
        a, b = getattr(old, field, None), getattr(new, field, None)
        if isinstance(a, ast.AST) and isinstance(b, ast.AST):
            yield from _pair(a, b, path)
        elif isinstance(a, list) and isinstance(b, list):
            yield from _lists(a, b, path)
        elif a != b:  # a name, an attribute, or one side is missing
            yield Touch(path, _context(new, path, old), old, new)


def _lists(old: list[ast.AST], new: list[ast.AST], path: Path) -> Iterator[Touch]:
    if any(isinstance(item, ast.stmt) for item in (*old, *new)):
        yield from _bodies(old, new, path)  # type: ignore[arg-type]
        return
    named = [item for item in (*old, *new) if isinstance(item, ast.keyword)]
    if named:
        a = {item.arg: item for item in old if isinstance(item, ast.keyword)}
        b = {item.arg: item for item in new if isinstance(item, ast.keyword)}
        for name in dict.fromkeys([*a, *b]):
            inner = (*path, name or "**")
            if name in a and name in b:
                yield from _pair(a[name].value, b[name].value, inner)
            else:
                node = a.get(name) or b[name]
                yield Touch(inner, _context(node, inner), a.get(name), b.get(name))
    elif len(old) == len(new) and all(isinstance(item, ast.AST) for item in (*old, *new)):
        for one, two in zip(old, new, strict=True):
            yield from _pair(one, two, path)
    else:
        yield from _insertions(old, new, path)


def _insertions(old: list[ast.AST], new: list[ast.AST], path: Path) -> Iterator[Touch]:
    def text(item: ast.AST) -> str:
        return ast.dump(item) if isinstance(item, ast.AST) else str(item)

    matcher = SequenceMatcher(None, list(map(text, old)), list(map(text, new)), autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        for item in old[a:b]:
            if isinstance(item, ast.AST):
                yield Touch(path, _context(item, path), item, None)
        for item in new[c:d]:
            if isinstance(item, ast.AST):
                yield Touch(path, _context(item, path), None, item)


def _literal(node: ast.AST) -> bool:
    """Whether an expression holds nothing but constants: 0.04, 2**19, (0.8, 0.95), "SSSL"."""
    return isinstance(node, ast.expr) and all(isinstance(n, LITERAL) for n in ast.walk(node))


def called(node: ast.AST) -> str:
    """The last name of the function that a call calls, else ""."""
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr
        if isinstance(function, ast.Name):
            return function.id
    return ""


def _inside(part: ast.AST, whole: ast.AST) -> bool:
    """Whether an expression occurs in a larger one."""
    if not isinstance(part, (ast.Call, ast.BinOp, ast.Attribute, ast.Name)):
        return False
    text = ast.dump(part)
    return any(type(n) is type(part) and ast.dump(n) == text for n in ast.walk(whole))


def _context(node: ast.AST, path: Path, old: ast.AST | None = None) -> tuple[str, ...]:
    """Names that a change concerns: what came or went, what stayed, then what is around it."""
    new, gone = list(mentioned(node)), list(mentioned(old)) if old else []
    differ = [n for n in new if n not in gone] + [n for n in gone if n not in new]
    return tuple(dict.fromkeys([*differ, *new, *gone, *reversed(path)]))
