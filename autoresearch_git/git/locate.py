"""Finding a repository and reading its refs in plain Python: quick, and without libgit2."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from autoresearch_git.errors import GitError, NotARepositoryError


class Place(NamedTuple):  # a dataclass would cost every command its import
    """Where a repository lives: its own git directory, the one shared by worktrees, the tree."""

    git_dir: Path
    common: Path
    work: Path | None  # None in a bare repository

    @property
    def private(self) -> Path:
        """Our own folder of disposable things (index, slots, lock), shared by all worktrees."""
        return self.common / "ar"


def find(start: Path | str = ".") -> Place:
    """The repository around a folder. GIT_DIR is not consulted: hooks leak it."""
    folder = Path(start).resolve()
    if not folder.is_dir():
        raise NotARepositoryError(f"no such folder: {start}")
    for here in (folder, *folder.parents):
        dot = here / ".git"
        if dot.is_dir():
            return _place(dot, here)
        if dot.is_file():
            text = dot.read_text(encoding="utf-8").strip()
            return _place((here / text.removeprefix("gitdir:").strip()).resolve(), here)
        if (here / "HEAD").is_file() and (here / "objects").is_dir() and (here / "refs").is_dir():
            return _place(here, None)
    raise NotARepositoryError(
        f"not inside a git repository: {folder}", "go to one, or make one: git init"
    )


def _place(git_dir: Path, work: Path | None) -> Place:
    pointer = git_dir / "commondir"
    common = git_dir
    if pointer.is_file():
        common = (git_dir / pointer.read_text(encoding="utf-8").strip()).resolve()
    return Place(git_dir, common, work)


def head(place: Place) -> tuple[str, str]:
    """(ref, oid) of HEAD; ref is "" when detached, oid is "" before the first commit."""
    text = (place.git_dir / "HEAD").read_text(encoding="utf-8").strip()
    if not text.startswith("ref:"):
        return "", text
    ref = text.removeprefix("ref:").strip()
    return ref, read_ref(place, ref)


def read_ref(place: Place, name: str) -> str:
    """The oid in a ref, "" if there is none. Loose refs win over packed ones, as in git."""
    if (place.common / "reftable").is_dir():
        raise GitError(
            "this repository keeps its refs in the reftable format, which git ar cannot read yet",
            "convert it: git refs migrate --ref-format=files",
        )
    for _ in range(8):  # symbolic refs are rare and never deep
        try:
            with open(f"{place.common}/{name}", encoding="utf-8") as file:
                text = file.read().strip()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _packed(place, name)
        if not text.startswith("ref:"):
            return text
        name = text.removeprefix("ref:").strip()
    raise GitError(f"the symbolic ref {name} goes in a circle")


def _packed(place: Place, name: str) -> str:
    try:
        data = (place.common / "packed-refs").read_bytes()
    except FileNotFoundError:
        return ""
    end = data.find(b" " + os.fsencode(name) + b"\n")
    if end < 0:
        return ""
    return data[data.rfind(b"\n", 0, end) + 1 : end].decode("ascii")
