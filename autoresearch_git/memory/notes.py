"""The notes tree, laid out exactly as `git notes` would: the same notes give the same tree.

git splits a folder by the next two hex digits as soon as each of the 16 next digits has two or
more notes below it (notes.c, determine_fanout). Notes are only ever added or replaced here, so a
split is never undone and a change touches one path from the root.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from autoresearch_git.git.repo import Repo

_TREE, _BLOB = "40000", "100644"


def put(repo: Repo, tree: str, notes: Mapping[str, str]) -> str:
    """The notes tree with these notes added or replaced; `notes` maps commit to blob.

    An empty `tree` starts a new one. Names are what is left of the commit's oid at this depth.
    """
    entries = repo.tree_entries(tree) if tree else []
    folders = {name: oid for name, oid, mode in entries if mode == _TREE}
    flat = {name: oid for name, oid, mode in entries if mode != _TREE} | dict(notes)
    if not folders and not _splits(flat):
        return repo.write_tree([(name, oid, _BLOB) for name, oid in flat.items()])
    below: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, oid in flat.items():
        below[name[:2]][name[2:]] = oid
    for name, inner in below.items():
        folders[name] = put(repo, folders.get(name, ""), inner)
    return repo.write_tree([(name, oid, _TREE) for name, oid in folders.items()])


def _splits(names: Mapping[str, str]) -> bool:
    counts = Counter(name[0] for name in names)
    return len(counts) == 16 and min(counts.values()) >= 2
