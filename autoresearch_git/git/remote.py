"""Other repositories: which there are, and one ref of theirs, fetched or pushed by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.errors import ArError, GitError
from autoresearch_git.git import lean
from autoresearch_git.git.locate import Place
from autoresearch_git.git.process import git

# By name and alone: configured refspecs (mirrors, `+refs/notes/*`) must not be applied on the way.
_FETCH = (
    "fetch",
    "--no-write-fetch-head",
    "--no-tags",
    "--no-prune",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--refmap=",
    "-q",
)


def choose(place: Place, wanted: str) -> str:
    """A remote's name, path or URL; by default ar.remote, origin, or the only one there is."""
    found = settings(place)
    names = lean.remotes(found)
    wanted = wanted or found.get("ar.remote", "")
    if wanted:
        if wanted in names:
            return wanted
        if _is_address(wanted):
            return str(Path(wanted).resolve()) if Path(wanted).exists() else wanted
        known = f"known: {', '.join(names)}" if names else "none is configured"
        raise ArError(f"there is no remote {wanted!r}", f"{known}; or give a path or a URL")
    if "origin" in names:
        return "origin"
    if len(names) == 1:
        return names[0]
    if names:
        raise ArError(f"which remote? {', '.join(names)}", "say it: git ar sync NAME")
    raise ArError("this repository has no remote", "add one: git remote add origin URL")


def settings(place: Place) -> dict[str, str]:
    """git's configuration of remotes and of git ar."""
    return lean.parse(git(place.git_dir, *lean.SETTINGS, ok=(0, 1)))


def label(remote: str) -> str:
    """The remote as one component of a ref name; an address gets a digest, to be told apart."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", remote) and not remote.endswith(".lock"):
        return remote.replace("..", ".")
    return f"{refs.component(Path(remote).name)}-{sha1(remote.encode()).hexdigest()[:8]}"


def fetch(place: Place, remote: str, ref: str, into: str, limit: float | None = None) -> bool:
    """Fetch one ref into a tracking ref; False if the remote has no such ref."""
    try:
        git(_home(place), *_FETCH, "--end-of-options", remote, f"+{ref}:{into}", limit=limit)
    except GitError as error:
        if "couldn't find remote ref" in error.message:
            return False
        raise _explained(error, remote) from None
    return True


def push(place: Place, remote: str, oid: str, ref: str, limit: float | None = None) -> None:
    """Put a commit into a remote's ref, fast-forward only; RefChangedError for a lost race."""
    try:
        args = ("push", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "-q")
        git(_home(place), *args, "--end-of-options", remote, f"{oid}:{ref}", limit=limit)
    except GitError as error:
        raise _explained(error, remote) from None


def mirror(place: Place, remote: str, specs: Sequence[str]) -> None:
    """Force a remote's refs that match these refspecs to be what they are here, and no others."""
    if specs:
        args = ("push", "--no-verify", "--no-follow-tags", "--prune", "-q", "--end-of-options")
        try:
            git(_home(place), *args, remote, *specs)
        except GitError as error:
            raise _explained(error, remote) from None


def _home(place: Place) -> Path:
    """Where git stands when a person calls it: addresses such as ../hub.git are seen from there."""
    return place.work or place.git_dir


def _is_address(text: str) -> bool:
    return "://" in text or ":" in text or Path(text).is_dir() or Path(text).is_file()


def _explained(error: GitError, remote: str) -> GitError:
    said = error.message.lower()
    cures: Sequence[tuple[str, str]] = (
        ("does not appear to be a git repository", "is the address right? git remote -v"),
        ("could not read from remote", "can you reach it? git ls-remote " + remote),
        ("could not resolve host", "is the network up? git ls-remote " + remote),
        ("authentication failed", "log in once with: git ls-remote " + remote),
        ("no end after", "does it answer? git ls-remote " + remote),
        ("shallow", "sync needs full clones: git fetch --unshallow"),
        ("protected branch", "the server must accept pushes to refs of git ar"),
        ("hook declined", "the server must accept pushes to refs of git ar"),
    )
    for words, cure in cures:
        if words in said:
            error.hint = cure
            break
    return error
