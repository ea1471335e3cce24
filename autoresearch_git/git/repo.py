"""The repository as the rest of the project sees it: objects in, objects out, refs by
compare-and-swap. The user's working tree, index and branches are never touched from here."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pygit2

from autoresearch_git import refs
from autoresearch_git.config import setting
from autoresearch_git.errors import ArError, GitError, NotARepositoryError, RefChangedError
from autoresearch_git.git import locate, lock, refstore
from autoresearch_git.git.objects import COMMIT, FOLDER, NAMES, TREE, Writer
from autoresearch_git.git.objects import Person as Person
from autoresearch_git.git.process import git, identity

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_UNLOGGED = (refs.TRAIL, refs.REMOTES, refs.NOTES)
_GC = 12 * 3600  # seconds after which git itself ignores a gc.pid: its writer is dead


@dataclass(frozen=True)
class Move:
    """One ref's part of a transaction: `old` "" means it must not exist, `new` "" deletes it."""

    ref: str
    new: str
    old: str


class Repo(Writer):
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
        self.__dict__["libgit2"] = repo  # the setting is read from it
        _sync_writes(self.fsync)
        return repo

    @cached_property
    def fsync(self) -> bool:
        """Whether events survive a power cut: setting ar.fsync, on by default."""
        return self.setting("fsync", "true").lower() not in ("false", "no", "off", "0")

    @contextlib.contextmanager
    def unsynced(self) -> Iterator[None]:
        """Write without fsync what can be derived again; durable writes cost milliseconds."""
        _sync_writes(False)
        try:
            yield
        finally:
            _sync_writes(self.fsync)

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

    def raw(self, oid: str, kind: int) -> bytes:
        """The bytes of an object; GitError if there is none of that kind."""
        try:
            found, data = self.libgit2.read(oid)
        except (KeyError, ValueError, pygit2.GitError):
            found, data = 0, b""
        if found != kind:
            raise GitError(f"{NAMES[kind]} {oid[:12]} is missing", "run: git ar fsck")
        return bytes(data)

    def raw_commit(self, oid: str) -> bytes:
        return self.raw(oid, COMMIT)

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
        """Store a raw object and remember it for `heal`."""
        for attempt in range(5):
            try:
                oid = str(self.libgit2.write(kind, data))
            except (pygit2.GitError, OSError) as error:
                if "No such file" in str(error) and attempt < 4:
                    continue  # a gc removed the folder, empty by then, under our hands
                about = f"nothing can be written to the repository: {error}"
                raise ArError(about, "is the disk full, or read-only?") from None
            break
        self._written[oid] = (kind, data)
        return oid

    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]:
        """(name, oid, octal mode) of a tree's entries."""
        data, at, found = self.raw(tree, TREE), 0, []
        while at < len(data):
            space, zero = data.index(b" ", at), data.index(b"\0", at)
            mode = data[at:space].decode()
            name = data[space + 1 : zero].decode("utf-8", "surrogateescape")
            at = zero + 21
            found.append((name, data[zero + 1 : at].hex(), mode))
        return found

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
            below = entries.get(name, (EMPTY_TREE, FOLDER))[0]
            entries[name] = (self.tree_with(below, inner), FOLDER)
        return self.write_tree([(n, oid, mode) for n, (oid, mode) in entries.items()])

    def settle(self) -> int:
        """Make what was written safe once refs point to it; how many objects had to be rewritten.

        A gc that began before a ref moved may not have seen the ref's new target. One that
        begins later has, so that what was written since the last `settle` is safe from here on.
        """
        healed = self.heal()
        self._written.clear()
        return healed

    def heal(self) -> int:
        """Wait for a running gc, then rewrite what was deleted of the objects since `settle`."""
        running = self.place.common / "gc.pid"
        deadline = time.monotonic() + 600
        while _fresh(running) and time.monotonic() < deadline:
            time.sleep(0.02)
        objects = self.place.common / "objects"
        moved = [oid for oid in self._written if not (objects / oid[:2] / oid[2:]).exists()]
        if not moved:
            return 0
        fresh = pygit2.Repository(str(self.place.git_dir))  # an open one believes in old packs
        gone = [oid for oid in moved if oid not in fresh]
        for oid in gone:
            fresh.write(*self._written[oid])
        return len(gone)

    # Moving refs

    def swap(self, move: Move, reason: str, *, durable: bool = False) -> None:
        """Compare-and-swap of one ref; RefChangedError if it was not at `old`.

        The trail, tracking refs and notes get no reflog: the first is one, the last are derived.
        """
        if not move.new or not move.ref.startswith(_UNLOGGED):
            self.transact([move], reason)
            return
        with lock.moving(self.place, [move.ref]):
            refstore.swap(self.place, move.ref, move.new, move.old, durable=durable)

    def transact(self, moves: Sequence[Move], reason: str) -> None:
        """Move several refs, all or none, each from its old value, with a reflog reason.

        Tags get no reflog: `git gc` would complain of each entry, since it expects commits there.
        """
        lines = ["start"]
        for move in moves:
            verb = "update" if move.new else "delete"
            new = f"{move.new} " if move.new else ""
            lines.append(f"{verb} {move.ref} {new}{move.old or ZERO}")
        script = "\n".join([*lines, "prepare", "commit", ""])
        who = identity(self.user.name, self.user.email)
        args = ("update-ref", "-m", reason, "--stdin")
        for move in moves:
            if move.new and not move.ref.startswith(refs.NEAR_MISSES):
                refstore.begin_reflog(self.place, move.ref)
        for attempt in range(8):
            with lock.moving(self.place, [move.ref for move in moves]) as inherited:
                try:
                    git(self.place.git_dir, *args, stdin=script, env=who, inherited=inherited)
                    return
                except RefChangedError:
                    if any(self.ref(move.ref) != move.old for move in moves):
                        raise
            time.sleep(0.01 * 2**attempt)  # somebody's lock file
        raise ArError(f"{moves[0].ref} stays locked", "run: git ar doctor")

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

    def setting(self, name: str, default: str = "") -> str:
        """A machine's setting `ar.NAME`: the environment's, else git config's, else the default."""
        return setting(name, {f"ar.{name}": self.config(f"ar.{name}") or default})

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` is `old` or was built on it."""
        return old == new or bool(self.libgit2.descendant_of(new, old))

    def differing(self, one: str, other: str) -> list[str]:
        """Paths that differ between two commits."""
        out = git(self.place.git_dir, "diff", "--name-only", "--no-renames", "-z", one, other)
        return [path for path in out.split("\0") if path]

    def merge(self, ours: str, theirs: str) -> str | None:
        """The tree of a three-way merge of two commits; None on a conflict or no common base."""
        if not self.libgit2.merge_base(ours, theirs):
            return None
        index = self.libgit2.merge_commits(ours, theirs)
        return None if index.conflicts else str(index.write_tree(self.libgit2))


def _sync_writes(on: bool) -> None:
    pygit2.option(pygit2.enums.Option.ENABLE_FSYNC_GITDIR, on)


def _fresh(running: Path) -> bool:
    try:
        return time.time() - running.stat().st_mtime < _GC
    except FileNotFoundError:
        return False


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
