"""The notes tree, laid out exactly as `git notes` would: the same notes give the same tree.

git splits a folder by the next two hex digits as soon as each of the 16 next digits has two or
more notes below it (notes.c, determine_fanout). Notes are only ever added or replaced here, so a
split is never undone and a change touches one path from the root.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from autoresearch_git.git.objects import FOLDER, TREE

_BLOB = "100644"
_SIZE, _OID = 29, 9  # bytes of the entry of a folder of two digits, and where its oid begins


class Trees(Protocol):
    """Where trees are read from and written to: a Repo, or one that only counts."""

    def raw(self, oid: str, kind: int) -> bytes: ...
    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]: ...
    def write(self, kind: int, data: bytes) -> str: ...
    def write_tree(self, entries: Sequence[tuple[str, str, str]]) -> str: ...


def put(trees: Trees, tree: str, notes: Mapping[str, str]) -> str:
    """The notes tree with these notes added or replaced; `notes` maps commit to blob.

    An empty `tree` starts a new one. Names are what is left of the commit's oid at this depth.
    """
    raw = trees.raw(tree, TREE) if tree else b""
    if _folders_only(raw):
        return _put_below(trees, raw, notes)
    entries = trees.tree_entries(tree) if tree else []
    folders = {name: oid for name, oid, mode in entries if mode == FOLDER}
    flat = {name: oid for name, oid, mode in entries if mode != FOLDER} | dict(notes)
    if not folders and not _splits(flat):
        return trees.write_tree([(name, oid, _BLOB) for name, oid in flat.items()])
    for name, inner in _by_folder(flat).items():
        folders[name] = put(trees, folders.get(name, ""), inner)
    return trees.write_tree([(name, oid, FOLDER) for name, oid in folders.items()])


def _put_below(trees: Trees, raw: bytes, notes: Mapping[str, str]) -> str:
    """The same for a tree of nothing but folders, whose bytes are patched: it has 256 of them."""
    names = [raw[at + 6 : at + 8].decode() for at in range(0, len(raw), _SIZE)]
    for name, inner in sorted(_by_folder(notes).items()):
        k = bisect_left(names, name)
        at, end = k * _SIZE, k * _SIZE
        old = ""
        if k < len(names) and names[k] == name:
            end += _SIZE
            old = raw[at + _OID : end].hex()
        else:
            names.insert(k, name)
        entry = f"{FOLDER} {name}\0".encode() + bytes.fromhex(put(trees, old, inner))
        raw = raw[:at] + entry + raw[end:]
    return trees.write(TREE, raw)


def _folders_only(raw: bytes) -> bool:
    count, rest = divmod(len(raw), _SIZE)
    return (
        bool(count)
        and not rest
        and all(
            raw[at::_SIZE] == bytes([byte]) * count
            for at, byte in ((0, 52), (1, 48), (2, 48), (3, 48), (4, 48), (5, 32), (8, 0))
        )
    )


def _by_folder(notes: Mapping[str, str]) -> defaultdict[str, dict[str, str]]:
    below: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, oid in notes.items():
        below[name[:2]][name[2:]] = oid
    return below


def listed(trees: Trees, tree: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(annotated commit, blob) of every note in a tree; other files come with their path."""
    for name, oid, mode in trees.tree_entries(tree):
        if mode == FOLDER:
            yield from listed(trees, oid, prefix + name)
        else:
            yield prefix + name, oid


def _splits(names: Mapping[str, str]) -> bool:
    counts = Counter(name[0] for name in names)
    return len(counts) == 16 and min(counts.values()) >= 2
