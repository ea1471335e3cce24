"""A sync that has nothing to do, seen before click, pygit2 and the memory itself are imported.

One `git ls-remote` of one ref, and a look at what the last sync left: the tips of trail and notes
at which all was well. At the least doubt the full sync does and says what there is to do.
"""

from __future__ import annotations

import os
import sys

from autoresearch_git import refs
from autoresearch_git.git import lean

FILE = "synced"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


def report(args: list[str], folder: str = ".") -> str:
    """What `git ar sync ARGS` says if both sides have the same trail and all is well, else ""."""
    if len(args) > 1 or not _PLAIN.issuperset("".join(args)) or "".join(args).startswith("-"):
        return ""
    top, git_dir, common = lean.find(folder)
    ours = lean.tip(common, refs.TRAIL) if top else ""
    known = lean.read(os.path.join(common, "ar", FILE)).split()
    if not ours or known != [ours, lean.tip(common, refs.NOTES)]:
        return ""
    name = _remote(lean.Started(git_dir, *lean.SETTINGS).output() or "", *args)
    if not name or lean.tip(common, refs.tracking(name)) != ours:
        return ""
    there = lean.Started(top, "ls-remote", "-q", name, refs.TRAIL).output() or ""
    if there.split() != [ours, refs.TRAIL]:
        return ""
    if sys.stdout.isatty():
        return f"up to date with {name}\n"
    return (
        f'{{"attempts": 1, "branches": [], "fetched": 0, "kind": "sync", "pushed": 0, '
        f'"remote": "{name}", "tip": "{ours}", "v": 1}}\n'
    )


def note(private: str, tip: str, notes: str) -> None:
    """Leave word that a sync ended with views that follow from this trail."""
    try:
        with open(os.path.join(private, FILE), "w", encoding="utf-8") as file:
            file.write(f"{tip} {notes}\n")
    except OSError:
        pass  # read-only or full: the next sync is a full one


def _remote(listed: str, wanted: str = "") -> str:
    """The remote that the full sync would choose, if its name is a plain one."""
    settings = lean.parse(listed)
    names = lean.remotes(settings)
    name = wanted or settings.get("ar.remote", "")
    name = name or ("origin" if "origin" in names else names[0] if len(names) == 1 else "")
    return name if name in names and _PLAIN.issuperset(name) else ""
