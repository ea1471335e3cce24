"""A clean folder for each slot, brought to exactly a commit's files, with no `.git` inside.

The files are git's blobs byte for byte: no filters, no line-ending conversion. What is unchanged
since the last run is kept when its inode, size, mtime and ctime say so (a program can set mtime,
but not ctime); protected files are written anew every time, and everything unknown is removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pygit2

from autoresearch_git.errors import GitError, HarnessError
from autoresearch_git.git.repo import Repo

FILE, EXECUTABLE, LINK, TREE, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
Known = dict[str, list[str | int]]  # path -> blob, mode, then its stamp
Wanted = dict[str, tuple[str, int]]  # path -> (blob, mode)


def materialize(
    repo: Path, commit: str, slot: Path, protected: Mapping[str, str] | None = None
) -> Path:
    """Bring the slot's folder to the commit's files, protected ones from the given blobs.

    Returns the folder. Raises GitError for a tree that cannot be run (submodules, unsafe names)
    and HarnessError when the disk refuses.
    """
    opened = Repo.open(repo)
    forced = dict(protected or {})
    wanted = _with_protected(dict(_files(opened.libgit2, opened.tree(commit))), forced)
    folder, manifest = slot / "tree", slot / "manifest.json"
    known = _load(manifest)
    manifest.unlink(missing_ok=True)  # a kill half-way leaves nothing that could be believed
    try:
        _fresh_if_odd(folder)
        keep = {p for p, f in wanted.items() if p not in forced and _same(folder, p, f, known)}
        _sweep(folder, "", keep, _folders(wanted))
        for path in sorted(wanted.keys() - keep):
            _write(folder / path, opened.blob(wanted[path][0]), wanted[path][1])
        _save(manifest, {path: (*wanted[path], *_stamp(folder / path)) for path in wanted})
    except OSError as error:
        drop(slot)
        raise HarnessError(
            f"the checkout cannot be written: {error}", "is the disk full?"
        ) from None
    return folder


def contents(
    repo: Path, commit: str, protected: Mapping[str, str] | None = None
) -> dict[str, tuple[int, bytes]]:
    """The commit's files as path -> (mode, bytes), protected ones from the given blobs."""
    opened = Repo.open(repo)
    files = dict(_files(opened.libgit2, opened.tree(commit)))
    wanted = _with_protected(files, dict(protected or {}))
    return {path: (mode, opened.blob(oid)) for path, (oid, mode) in wanted.items()}


def drop(slot: Path) -> None:
    """Remove a slot's folder with all that is in it, whatever its modes."""
    (slot / "manifest.json").unlink(missing_ok=True)
    _remove(slot / "tree")


def _files(
    repo: pygit2.Repository, tree: str, prefix: str = ""
) -> Iterator[tuple[str, tuple[str, int]]]:
    found = repo.get(tree)
    if not isinstance(found, pygit2.Tree):
        raise GitError(f"tree {tree[:12]} is missing", "run: git ar fsck")
    for entry in found:
        name, mode = str(entry.name), int(entry.filemode)
        path = prefix + name
        if name.lower() in ("", ".", "..", ".git") or "/" in name or "\0" in name:
            raise GitError(f"the commit has a file that cannot be checked out safely: {path!r}")
        if mode == SUBMODULE:
            hint = "commit its files into the repository, or name them as data"
            raise GitError(f"{path} is a submodule, which an experiment cannot have", hint)
        if mode == TREE:
            yield from _files(repo, str(entry.id), path + "/")
        else:
            yield path, (str(entry.id), mode)


def _with_protected(wanted: Wanted, forced: Mapping[str, str]) -> Wanted:
    for path, blob in forced.items():
        parents = [str(p) for p in Path(path).parents]
        # A file or link where the protected path needs a folder, or a folder where it needs a file.
        for other in [p for p in wanted if p in parents or p.startswith(path + "/")]:
            del wanted[other]
        mode = wanted[path][1] if path in wanted else FILE
        wanted[path] = (blob, FILE if mode == LINK else mode)
    return wanted


def _folders(wanted: Wanted) -> set[str]:
    return {str(parent) for path in wanted for parent in Path(path).parents if str(parent) != "."}


def _stamp(path: Path) -> tuple[int, ...]:
    s = path.lstat()
    return s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode, s.st_nlink


def _same(folder: Path, path: str, file: tuple[str, int], known: Known) -> bool:
    entry = known.get(path)
    if not entry or entry[:2] != [*file]:
        return False
    try:
        return entry[2:] == [*_stamp(folder / path)]
    except OSError:
        return False


def _sweep(folder: Path, prefix: str, keep: set[str], folders: set[str]) -> None:
    """Remove whatever is neither a kept file nor a real folder on the way to a wanted one."""
    here = folder / prefix
    _usable(here)
    with os.scandir(here) as entries:
        found = list(entries)
    for entry in found:
        path = prefix + os.fsdecode(entry.name)
        if path in keep:
            continue
        if path in folders and entry.is_dir(follow_symlinks=False):
            _sweep(folder, path + "/", keep, folders)
        else:
            _remove(folder / path)


def _usable(folder: Path) -> None:
    if stat.S_IMODE(folder.lstat().st_mode) & 0o777 != 0o755:
        folder.chmod(0o755)


def _fresh_if_odd(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        _remove(folder)
        folder.mkdir(parents=True)


def _write(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == LINK:
        os.symlink(os.fsdecode(data), path)
        return
    # O_EXCL: never through a link, never into an inode that somebody else still holds open.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(handle, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o755 if mode == EXECUTABLE else 0o644)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        try:
            shutil.rmtree(path)
        except (PermissionError, RecursionError):  # folders without x, or thousands deep
            subprocess.run(("chmod", "-R", "u+rwX", "--", path), capture_output=True, check=False)
            subprocess.run(("rm", "-rf", "--", path), capture_output=True, check=False)
            if path.exists():
                raise


def _load(manifest: Path) -> Known:
    try:
        read = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _save(manifest: Path, files: Mapping[str, tuple[object, ...]]) -> None:
    partial = manifest.with_suffix(".new")
    partial.write_text(json.dumps(files), encoding="utf-8")
    partial.replace(manifest)
