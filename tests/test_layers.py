"""Imports go downwards only, lazy ones included, and there is no cycle."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import autoresearch_git

ROOT = Path(autoresearch_git.__file__).parent
# From the top: a module may import from its own layer and from those below it.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"commands"},
    {"loop", "agenda", "exchange", "hooks"},
    {"stages", "ledger"},
    {"emitters", "backends", "agent"},
    {"research", "display", "look"},
    {"search", "review"},
    {"memory"},
    {"git"},
    {"output", "config", "history"},
    {"records", "clean"},
    {"refs", "errors", "__init__"},
]


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__") if name != "__init__" else name] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of ours that a file imports anywhere but under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{a.name}" for a in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            short = name.removeprefix("autoresearch_git.")
            if name.startswith("autoresearch_git.") and short in known:
                found.add(short)
    return found


def rank(module: str) -> int:
    top = module.partition(".")[0]
    (place,) = [k for k, layer in enumerate(LAYERS) if top in layer]
    return place


def test_imports_go_downwards() -> None:
    known = modules()
    upward = [
        f"{name} imports {other}"
        for name, path in known.items()
        for other in imports(path, known)
        if rank(other) < rank(name)
    ]
    assert not upward


def test_there_is_no_cycle() -> None:
    known = modules()
    # A package's __init__ that lists its plug-ins is reached by them through the package name.
    graph = {
        name: {o for o in imports(path, known) if o != name and not name.startswith(o + ".")}
        for name, path in known.items()
    }
    try:
        assert list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise AssertionError(f"cycle: {' -> '.join(error.args[1])}") from None


def test_only_refs_spells_ref_names() -> None:
    spelled = re.compile(r"""["']refs/(ar|notes|tags|heads/autoresearch)""")
    wrong = [
        name
        for name, path in modules().items()
        if name != "refs" and spelled.search(path.read_text(encoding="utf-8"))
    ]
    assert not wrong


def test_only_the_git_folder_touches_git() -> None:
    touches = re.compile(r"""import pygit2|from pygit2|\[\s*["']git["']""")
    wrong = [
        name
        for name, path in modules().items()
        if not name.startswith("git.") and touches.search(path.read_text(encoding="utf-8"))
    ]
    assert not wrong
