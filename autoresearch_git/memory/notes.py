"""The notes tree, laid out exactly as `git notes` would: the same notes give the same tree.

git splits a folder by the next two hex digits as soon as each of the 16 next digits has two or
more notes below it (notes.c, determine_fanout). Notes are only ever added or replaced here, so a
split is never undone and a change touches one path from the root.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

_TREE, _BLOB = "40000", "100644"


class Trees(Protocol):
    """Where trees are read from and written to: a Repo, or one that only counts."""

    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]: ...
    def write_tree(self, entries: Sequence[tuple[str, str, str]]) -> str: ...


def put(trees: Trees, tree: str, notes: Mapping[str, str]) -> str:
    """The notes tree with these notes added or replaced; `notes` maps commit to blob.

    An empty `tree` starts a new one. Names are what is left of the commit's oid at this depth.
    """
    entries = trees.tree_entries(tree) if tree else []
    folders = {name: oid for name, oid, mode in entries if mode == _TREE}
    flat = {name: oid for name, oid, mode in entries if mode != _TREE} | dict(notes)
    if not folders and not _splits(flat):
        return trees.write_tree([(name, oid, _BLOB) for name, oid in flat.items()])
    below: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, oid in flat.items():
        below[name[:2]][name[2:]] = oid
    for name, inner in below.items():
        folders[name] = put(trees, folders.get(name, ""), inner)
    return trees.write_tree([(name, oid, _TREE) for name, oid in folders.items()])


def listed(trees: Trees, tree: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(annotated commit, blob) of every note in a tree; other files come with their path."""
    for name, oid, mode in trees.tree_entries(tree):
        if mode == _TREE:
            yield from listed(trees, oid, prefix + name)
        else:
            yield prefix + name, oid


def _splits(names: Mapping[str, str]) -> bool:
    counts = Counter(name[0] for name in names)
    return len(counts) == 16 and min(counts.values()) >= 2
