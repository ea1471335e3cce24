"""What in a repository could harm the memory, each with its cure. Looks only, unless told to."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.errors import GitError
from autoresearch_git.git import locate
from autoresearch_git.git.locate import Place
from autoresearch_git.git.process import git

OLD = 60.0  # seconds after which a lock file is nobody's: git holds them for milliseconds
_GC = 12 * 3600  # git's own limit for gc.pid


@dataclass(frozen=True)
class Ailment:
    """Something to mend: `error` stops git ar, `warning` may lose or hide something."""

    level: str
    what: str
    text: str
    cure: str


def examine(place: Place) -> list[Ailment]:
    """All that is wrong around the memory of a repository; reads files and asks git."""
    settings = _settings(place)
    found = [*_format(place, settings), *_locks(place), *_identity(settings)]
    return [*found, *_refspecs(settings), *_history(place, settings), *_safety(place, settings)]


def cure(place: Place) -> list[str]:
    """Remove stale lock files; what was removed. Everything else is the user's to decide."""
    removed = []
    for path in stale_locks(place):
        path.unlink(missing_ok=True)
        removed.append(str(path.relative_to(place.common)))
    return removed


def stale_locks(place: Place) -> list[Path]:
    """Lock files so old that whoever made them is gone."""
    folders = [place.common, place.git_dir]
    found = {path for folder in folders for path in folder.glob("*.lock")}
    found |= set((place.common / "refs").rglob("*.lock"))
    found |= set((place.common / "objects" / "info").rglob("*.lock"))
    return sorted(path for path in found if _age(path) > OLD)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _settings(place: Place) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in git(place.git_dir, "config", "-z", "--list").split("\0"):
        key, _, value = entry.partition("\n")
        found.setdefault(key, []).append(value)
    return found


def _format(place: Place, settings: dict[str, list[str]]) -> Iterator[Ailment]:
    if "reftable" in settings.get("extensions.refstorage", []):
        cure = "git refs migrate --ref-format=files"
        yield Ailment("error", "reftable", "refs are kept in the reftable format", cure)
    if "sha256" in settings.get("extensions.objectformat", []):
        cure = "git init --object-format=sha1, in another folder"
        yield Ailment("error", "sha256", "objects have SHA-256 names; git ar needs SHA-1", cure)
    if (place.common / "shallow").exists():
        text = "the clone is shallow: older experiments may be cut off"
        yield Ailment("warning", "shallow", text, "git fetch --unshallow")
    if any(key.endswith(".partialclonefilter") for key in settings):
        text = "the clone is partial: files of experiments may be missing when offline"
        yield Ailment("warning", "partial", text, "git fetch --refetch --no-filter")


def _locks(place: Place) -> Iterator[Ailment]:
    for path in stale_locks(place):
        name = path.relative_to(place.common) if path.is_relative_to(place.common) else path
        text = f"{name} is {_age(path) / 60:.0f} minutes old: its process is gone"
        yield Ailment("error", "lock", text, "git ar doctor --fix")
    running = place.common / "gc.pid"
    if running.exists() and _age(running) > _GC:
        text = "gc.pid is there, but its gc is long gone"
        yield Ailment("warning", "gc.pid", text, f"rm {running}")


def _identity(settings: dict[str, list[str]]) -> Iterator[Ailment]:
    missing = [key for key in ("user.name", "user.email") if not settings.get(key)]
    if missing:
        text = f"{' and '.join(missing)} not set: commits of yours are signed git-ar"
        cure = "git config user.name NAME; git config user.email ADDRESS"
        yield Ailment("warning", "identity", text, cure)


def _refspecs(settings: dict[str, list[str]]) -> Iterator[Ailment]:
    """Fetch refspecs that write our refs: with `+` they drop what was not pushed yet."""
    ours = (refs.TRAIL, refs.NOTES, refs.ELITES + "class/niche")
    for key, values in settings.items():
        if not (key.startswith("remote.") and key.endswith(".fetch")):
            continue
        for spec in values:
            written = spec.lstrip("+^").partition(":")[2]
            hit = [ref for ref in ours if written and _matches(written, ref)]
            if hit and not spec.startswith("^"):
                text = f"{key} = {spec} overwrites {hit[0]} on every fetch"
                cure = f"git config --unset-all {key} '{re.escape(spec)}'; git ar sync instead"
                yield Ailment("warning", "refspec", text, cure)


def _matches(pattern: str, ref: str) -> bool:
    head, star, tail = pattern.partition("*")
    return ref == pattern if not star else ref.startswith(head) and ref.endswith(tail)


def _history(place: Place, settings: dict[str, list[str]]) -> Iterator[Ailment]:
    grafts = place.common / "info" / "grafts"
    if grafts.is_file() and grafts.read_bytes().strip():
        text = "info/grafts changes what git shows as history"
        yield Ailment(
            "warning", "grafts", text, f"git replace --convert-graft-file; or rm {grafts}"
        )
    if git(place.git_dir, "for-each-ref", "--count=1", "refs/replace/"):
        text = "there are replace refs: git may show other experiments than were run"
        yield Ailment("warning", "replace", text, "git replace --list")
    reference = settings.get("core.logallrefupdates", [""])[-1]
    if reference == "always":
        text = "core.logAllRefUpdates=always keeps every old trail and notes commit"
        yield Ailment("warning", "reflog", text, "git config core.logAllRefUpdates true")


def _safety(place: Place, settings: dict[str, list[str]]) -> Iterator[Ailment]:
    try:
        tip = locate.read_ref(place, refs.TRAIL)
    except GitError:
        return  # reftable: said above
    if tip and not any(key.startswith("remote.") for key in settings):
        text = "there is no remote: the memory exists on this disk only"
        yield Ailment(
            "warning", "remote", text, "git remote add origin URL; or: git ar bundle FILE"
        )
    value = settings.get("ar.fsync", ["true"])[-1]
    if value.lower() in ("false", "no", "off", "0"):
        text = "ar.fsync is off: a power cut may lose the last events"
        yield Ailment("warning", "fsync", text, "git config --unset ar.fsync")
    for name in ("objects", "refs", "ar"):
        folder = place.common / name
        if folder.exists() and not _writable(folder):
            text = f"{folder} is not writable: experiments can be looked at, not made"
            yield Ailment("warning", "read-only", text, "clone it, or change its permissions")
            return


def _writable(folder: Path) -> bool:
    mounted = not os.statvfs(folder).f_flag & os.ST_RDONLY
    return mounted and os.access(folder, os.W_OK)
