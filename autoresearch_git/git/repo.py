"""The repository as the rest of the project sees it: objects in, objects out, refs by
compare-and-swap. The user's working tree, index and branches are never touched from here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pygit2

from autoresearch_git.errors import GitError, NotARepositoryError, RefChangedError
from autoresearch_git.git import locate
from autoresearch_git.git.process import git, identity

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


@dataclass(frozen=True)
class Move:
    """One ref's part of a transaction: `old` "" means it must not exist, `new` "" deletes it."""

    ref: str
    new: str
    old: str


@dataclass(frozen=True)
class Person:
    """Author or committer of an object; `when` is in seconds since 1970, UTC."""

    name: str
    email: str
    when: float

    @property
    def signature(self) -> pygit2.Signature:
        return pygit2.Signature(self.name, self.email, max(0, int(self.when)), 0)


class Repo:
    """An open repository. Remembers what it wrote until `forget`, so that it can be rewritten."""

    def __init__(self, place: locate.Place) -> None:
        self.place = place
        self._written: dict[str, tuple[int, bytes]] = {}

    @classmethod
    def open(cls, folder: Path | str = ".") -> Repo:
        return cls(locate.find(folder))

    @cached_property
    def libgit2(self) -> pygit2.Repository:
        try:
            repo = pygit2.Repository(str(self.place.git_dir))
        except (pygit2.GitError, KeyError) as error:
            raise _cannot_open(str(error)) from None
        if len(str(repo.TreeBuilder().write())) != len(ZERO):
            raise GitError(
                "git ar needs the SHA-1 object format",
                "keep the research in a repository made with git init --object-format=sha1",
            )
        return repo

    # Reading

    def resolve(self, name: str) -> str:
        """The commit that a revision names; GitError if there is none."""
        try:
            return str(self.libgit2.revparse_single(name).peel(pygit2.Commit).id)
        except (KeyError, ValueError, pygit2.GitError):
            raise GitError(f"no such commit: {name}") from None

    def has(self, oid: str) -> bool:
        return oid in self.libgit2

    def commit(self, oid: str) -> pygit2.Commit:
        found = self.libgit2.get(oid)
        if not isinstance(found, pygit2.Commit):
            raise GitError(f"commit {oid[:12]} is missing", "run: git ar fsck")
        return found

    def message(self, oid: str) -> str:
        return str(self.commit(oid).message)

    def subject(self, oid: str) -> str:
        return self.message(oid).partition("\n")[0]

    def tree(self, oid: str) -> str:
        return str(self.commit(oid).tree_id)

    def parents(self, oid: str) -> tuple[str, ...]:
        return tuple(map(str, self.commit(oid).parent_ids))

    def blob_id(self, commit: str, path: str) -> str:
        """The oid of a file in a commit, "" if it has no such file."""
        try:
            return str(self.commit(commit).tree[path].id)
        except KeyError:
            return ""

    def blob(self, oid: str) -> bytes:
        found = self.libgit2.get(oid)
        if not isinstance(found, pygit2.Blob):
            raise GitError(f"blob {oid[:12]} is missing", "run: git ar fsck")
        return bytes(found.data)

    def texts(self, commit: str, paths: Iterable[str]) -> dict[str, str]:
        """The text of those of the files that the commit has."""
        found = {path: self.blob_id(commit, path) for path in paths}
        return {
            path: self.blob(oid).decode("utf-8", "replace") for path, oid in found.items() if oid
        }

    def ref(self, name: str) -> str:
        """The oid in a ref (of a tag, the tag object's), "" if there is none."""
        return locate.read_ref(self.place, name)

    def refs(self, prefix: str) -> dict[str, str]:
        """All refs under a prefix."""
        listed = git(
            self.place.git_dir, "for-each-ref", "--format=%(refname) %(objectname)", prefix
        )
        return dict(line.split(" ") for line in listed.splitlines())

    # Writing objects

    def write(self, kind: int, data: bytes) -> str:
        """Store a raw object (a pygit2.enums.ObjectType) and remember it for `heal`."""
        oid = str(self.libgit2.write(kind, data))
        self._written[oid] = (kind, data)
        return oid

    def write_blob(self, data: bytes) -> str:
        return self.write(pygit2.enums.ObjectType.BLOB, data)

    def write_tree(self, entries: Sequence[tuple[str, str, str]]) -> str:
        """A tree of (name, oid, octal mode) entries, in any order."""
        ordered = sorted(entries, key=lambda e: (e[0] + "/" if e[2] == "40000" else e[0]).encode())
        raw = (f"{m} {n}\0".encode() + bytes.fromhex(oid) for n, oid, m in ordered)
        return self.write(pygit2.enums.ObjectType.TREE, b"".join(raw))

    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]:
        """(name, oid, octal mode) of a tree's entries."""
        found = self.libgit2.get(tree)
        if not isinstance(found, pygit2.Tree):
            raise GitError(f"tree {tree[:12]} is missing", "run: git ar fsck")
        return [(str(e.name), str(e.id), f"{int(e.filemode):o}") for e in found]

    def tree_with(self, tree: str, files: Mapping[str, str]) -> str:
        """The tree with these files' texts put in; modes of files that exist are kept."""
        entries = {name: (oid, mode) for name, oid, mode in self.tree_entries(tree)}
        nested: dict[str, dict[str, str]] = {}
        for path, text in files.items():
            name, _, rest = path.partition("/")
            if rest:
                nested.setdefault(name, {})[rest] = text
            else:
                mode = entries.get(name, ("", "100644"))[1]
                entries[name] = (self.write_blob(text.encode()), mode)
        for name, inner in nested.items():
            below = entries.get(name, (EMPTY_TREE, "40000"))[0]
            entries[name] = (self.tree_with(below, inner), "40000")
        return self.write_tree([(n, oid, mode) for n, (oid, mode) in entries.items()])

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str:
        head = [f"tree {tree}", *(f"parent {p}" for p in parents)]
        head += [f"author {_stamp(author)}", f"committer {_stamp(committer)}"]
        data = "\n".join(head) + "\n\n" + message
        return self.write(pygit2.enums.ObjectType.COMMIT, data.encode())

    def write_tag(self, name: str, commit: str, message: str, tagger: Person) -> str:
        head = [f"object {commit}", "type commit", f"tag {name}", f"tagger {_stamp(tagger)}"]
        return self.write(
            pygit2.enums.ObjectType.TAG, ("\n".join(head) + "\n\n" + message).encode()
        )

    def heal(self) -> int:
        """Rewrite what a gc deleted of the objects written since `forget`; how many it were."""
        fresh = pygit2.Repository(str(self.place.git_dir))
        gone = [oid for oid in self._written if oid not in fresh]
        for oid in gone:
            fresh.write(*self._written[oid])
        return len(gone)

    def forget(self) -> None:
        """What was written is safe now: reachable, and no gc is at work."""
        self._written.clear()

    # Moving refs

    def swap(self, move: Move, reason: str) -> None:
        """Compare-and-swap of one ref; RefChangedError if it was not at `old`."""
        try:
            if not move.old:
                self.libgit2.create_reference_direct(move.ref, move.new, False, reason)
                return
            reference = self.libgit2.references[move.ref]
            if str(reference.target) != move.old:
                raise RefChangedError(f"{move.ref} moved")
            reference.set_target(move.new, message=reason)
        except (pygit2.GitError, KeyError, ValueError, OSError) as error:
            raise RefChangedError(f"{move.ref}: {error}", "run: git ar doctor") from None

    def transact(self, moves: Sequence[Move], reason: str) -> None:
        """Move several refs, all or none, each from its old value, with a reflog reason."""
        lines = ["start"]
        for move in moves:
            verb = "update" if move.new else "delete"
            new = f"{move.new} " if move.new else ""
            lines.append(f"{verb} {move.ref} {new}{move.old or ZERO}")
        script = "\n".join([*lines, "prepare", "commit", ""])
        who = identity(self.user.name, self.user.email)
        args = ("update-ref", "--create-reflog", "-m", reason, "--stdin")
        git(self.place.git_dir, *args, stdin=script, env=who)

    # The rest

    @cached_property
    def user(self) -> Person:
        """Who the user is to git, or a stand-in where git knows nobody."""
        name = self.config("user.name") or "git-ar"
        return Person(name, self.config("user.email") or "git-ar@localhost", time.time())

    def config(self, key: str) -> str:
        """A value of git's configuration, "" if it is not set."""
        try:
            return self.libgit2.config[key] or ""
        except KeyError:
            return ""

    def merge(self, ours: str, theirs: str) -> str | None:
        """The tree of a three-way merge of two commits; None on a conflict or no common base."""
        if not self.libgit2.merge_base(ours, theirs):
            return None
        index = self.libgit2.merge_commits(ours, theirs)
        return None if index.conflicts else str(index.write_tree(self.libgit2))


def _stamp(person: Person) -> str:
    # Angle brackets and newlines would break the header; git drops them from identities too.
    name = "".join(c for c in person.name if c not in "<>\n").strip() or "git-ar"
    email = "".join(c for c in person.email if c not in "<>\n ").strip()
    return f"{name} <{email}> {max(0, int(person.when))} +0000"


def _cannot_open(said: str) -> GitError | NotARepositoryError:
    if "refstorage" in said:
        hint = "convert it: git refs migrate --ref-format=files"
        return GitError("git ar cannot read the reftable format yet", hint)
    if "objectformat" in said.lower() or "sha256" in said.lower():
        return GitError("git ar needs the SHA-1 object format", "use git init --object-format=sha1")
    if "not owned by current user" in said:
        hint = "trust it: git config --global --add safe.directory FOLDER"
        return GitError("the repository belongs to another user", hint)
    return NotARepositoryError(f"cannot open the repository: {said}")
