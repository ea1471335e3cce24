"""Bundles: the whole memory in one file, for machines that share no network."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.errors import ArError, GitError
from autoresearch_git.git import remote
from autoresearch_git.git.process import git
from autoresearch_git.memory.store import Memory
from autoresearch_git.memory.sync import count, create_branches


@dataclass(frozen=True)
class Bundled:
    """What is in a bundle, or what came out of one."""

    file: str
    tip: str
    events: int
    bytes: int
    branches: tuple[str, ...]


def bundle(memory: Memory, file: Path) -> Bundled:
    """Write the trail, with all experiments and logs, and the research branches to a file.

    It needs nothing else: `git ar unbundle` reads it into any repository, also an empty one.
    """
    tip = memory.repo.ref(refs.TRAIL)
    if not tip:
        raise ArError("there is nothing to bundle yet", "run something first: git ar loop --runs 1")
    branches = sorted(memory.repo.refs(refs.RESEARCH))
    wanted = "".join(f"{ref}\n" for ref in (refs.TRAIL, *branches))
    part = file.absolute().with_name(file.name + ".part")
    try:
        git(memory.place.git_dir, "bundle", "create", "-q", str(part), "--stdin", stdin=wanted)
        part.replace(file)
    except OSError as error:
        raise ArError(f"cannot write {file}: {error.strerror}", "is the disk full?") from None
    finally:
        part.unlink(missing_ok=True)
    return Bundled(str(file), tip, count(memory, tip), file.stat().st_size, tuple(branches))


def unbundle(memory: Memory, file: Path) -> Bundled:
    """Join the trail of a bundle to ours, and make the research branches that are new here."""
    if not file.is_file():
        raise ArError(f"there is no file {file}", "write one: git ar bundle FILE")
    name = str(file.absolute())
    try:
        heads = git(memory.place.git_dir, "bundle", "list-heads", name)
    except GitError as error:
        raise ArError(f"{file} is no bundle: {error.message}", "is it complete?") from None
    if f" {refs.TRAIL}\n" not in heads:
        raise ArError(f"{file} holds no trail", "write one that does: git ar bundle FILE")
    tracking = refs.tracking(remote.label(name))
    remote.fetch(memory.place, name, refs.TRAIL, tracking)
    theirs = memory.repo.ref(tracking)
    joined = memory.join(theirs)
    made = tuple(create_branches(memory, joined.branches))
    with contextlib.suppress(GitError):  # joined: nothing needs it any more
        git(memory.place.git_dir, "update-ref", "-d", tracking, theirs)
    return Bundled(str(file), joined.tip, joined.events, file.stat().st_size, made)
