"""What a program given on a command line would write, and which commands it would start."""

from __future__ import annotations

import ast
import re

from autoresearch_git.hooks.guard import Guard

_WRITERS = ("write_text", "write_bytes", "unlink", "touch", "rename", "replace", "rmdir")
_REMOVERS = ("remove", "unlink", "rename", "replace", "copy", "copyfile", "copy2", "move", "rmtree")
_STARTERS = ("system", "popen", "run", "call", "check_call", "check_output", "Popen", "execSync")
_OTHER = re.compile(
    r"writeFile|appendFile|unlink|rename|rmSync|File\.(?:write|open|delete)|open\s*\("
)
_CALL = re.compile(r"(?:system|exec|execSync|spawnSync|qx|`)\s*\(?\s*(['\"`])(.*?)\1", re.DOTALL)


def effects(code: str, program: str, guard: Guard) -> tuple[list[str], list[str]]:
    """(files that it would write, command lines that it would start), as far as can be read."""
    if program.startswith(("python", "pypy")):
        try:
            return _python(ast.parse(code), guard)
        except (SyntaxError, ValueError, RecursionError):
            pass
    lines = [match[2] for match in _CALL.finditer(code)]
    names = [name for name in guard.protected if name in code]
    return (names if _OTHER.search(code) else []), lines


def _python(tree: ast.Module, guard: Guard) -> tuple[list[str], list[str]]:
    known: dict[str, str] = {}
    files: list[str] = []
    lines: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value, known)
            if text is not None:
                known[node.targets[0].id] = text
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            files += _written(node, known)
            lines += _started(node, known)
    if None in files or "" in files:  # a name that only the run knows: any that is mentioned
        files += [name for name in guard.protected if name in _strings(tree)]
    return [name for name in files if name], lines


def _text(node: ast.AST, known: dict[str, str]) -> str | None:
    """The string that an expression is, where that can be seen: names, paths, joins."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        left, right = _text(node.left, known), _text(node.right, known)
        glue = "/" if isinstance(node.op, ast.Div) else ""
        return None if left is None or right is None else left + glue + right
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in ("Path", "PurePath", "join", "str", "abspath", "fspath") and node.args:
            parts = [_text(arg, known) for arg in node.args]
            return None if None in parts else "/".join(p for p in parts if p)
    return None


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _written(call: ast.Call, known: dict[str, str]) -> list[str]:
    name = _name(call.func)
    of = call.func.value if isinstance(call.func, ast.Attribute) else None
    if name == "open":
        mode = next((k.value for k in call.keywords if k.arg == "mode"), None)
        method = of is not None and _text(of, known) is not None  # Path("x").open("w")
        first = 0 if method else 1
        if mode is None and len(call.args) > first:
            mode = call.args[first]
        said = _text(mode, known) if mode is not None else "r"
        if said is None or set(said) & set("wax+"):
            target = of if method else (call.args[0] if call.args else None)
            return [(_text(target, known) or "") if target is not None else ""]
        return []
    if any(k.arg == "inplace" for k in call.keywords):  # fileinput
        return [_text(arg, known) or "" for arg in call.args[:1]]
    if name in _WRITERS and of is not None and _name_of(of) not in ("os", "shutil", "re"):
        if name in ("replace", "rename") and len(call.args) != 1:
            return []  # str.replace(old, new)
        return [_text(of, known) or ""]
    if name in _REMOVERS and of is not None and _name_of(of) in ("os", "shutil"):
        wanted = call.args[-1:] if name.startswith("copy") else call.args
        return [_text(arg, known) or "" for arg in wanted]
    return []


def _started(call: ast.Call, known: dict[str, str]) -> list[str]:
    if _name(call.func) not in _STARTERS or not call.args:
        return []
    first = call.args[0]
    if isinstance(first, ast.List | ast.Tuple):
        words = [_text(item, known) for item in first.elts]
        return [" ".join(_quoted(word) for word in words if word is not None)]
    text = _text(first, known)
    return [text] if text else []


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


def _name_of(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _strings(tree: ast.Module) -> str:
    constants = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))
