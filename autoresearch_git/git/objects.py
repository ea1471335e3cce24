"""Git objects from their parts. `write` says where they go: a repository, a pack, or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1

COMMIT, TREE, BLOB, TAG = 1, 2, 3, 4
NAMES = {COMMIT: "commit", TREE: "tree", BLOB: "blob", TAG: "tag"}
FOLDER = "40000"  # the mode of a tree within a tree


@dataclass(frozen=True)
class Person:
    """Author or committer of an object; `when` is in seconds since 1970, UTC."""

    name: str
    email: str
    when: float


class Writer:
    """Writes objects by way of `write`, which subclasses say."""

    def write(self, kind: int, data: bytes) -> str:
        """Store a raw object of a kind (COMMIT, TREE, BLOB, TAG); its oid."""
        raise NotImplementedError

    def write_blob(self, data: bytes) -> str:
        return self.write(BLOB, data)

    def write_tree(self, entries: Sequence[tuple[str, str, str]]) -> str:
        """A tree of (name, oid, octal mode) entries, in any order."""
        ordered = sorted(
            entries,
            key=lambda e: (e[0] + "/" if e[2] == FOLDER else e[0]).encode(
                "utf-8", "surrogateescape"
            ),
        )
        raw = (
            f"{m} {n}\0".encode("utf-8", "surrogateescape") + bytes.fromhex(oid)
            for n, oid, m in ordered
        )
        return self.write(TREE, b"".join(raw))

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str:
        head = [f"tree {tree}", *(f"parent {p}" for p in parents)]
        head += [f"author {_stamp(author)}", f"committer {_stamp(committer)}"]
        return self.write(COMMIT, ("\n".join(head) + "\n\n" + message).encode())

    def write_tag(self, name: str, commit: str, message: str, tagger: Person) -> str:
        head = [f"object {commit}", "type commit", f"tag {name}", f"tagger {_stamp(tagger)}"]
        return self.write(TAG, ("\n".join(head) + "\n\n" + message).encode())


class Counting(Writer):
    """Writes nowhere: only the oids are wanted."""

    def write(self, kind: int, data: bytes) -> str:
        return oid_of(kind, data)

    def raw(self, oid: str, kind: int) -> bytes:
        raise NotImplementedError("nothing was stored, so nothing can be read")

    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]:
        raise NotImplementedError("nothing was stored, so nothing can be read")


def oid_of(kind: int, data: bytes) -> str:
    """The oid that git gives an object."""
    return sha1(b"%s %d\0" % (NAMES[kind].encode(), len(data)) + data).hexdigest()


def _stamp(person: Person) -> str:
    # Angle brackets and newlines would break the header; git drops them from identities too.
    name = "".join(c for c in person.name if c not in "<>\n").strip() or "git-ar"
    email = "".join(c for c in person.email if c not in "<>\n ").strip()
    return f"{name} <{email}> {max(0, int(person.when))} +0000"
