"""Which commit each row of a ledger is about."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from autoresearch_git.errors import ArError, GitError
from autoresearch_git.git.process import git
from autoresearch_git.git.repo import Repo
from autoresearch_git.ledger.rows import Row


@dataclass(frozen=True)
class Match:
    """A row with its commit, or "" and why there is none."""

    row: Row
    commit: str
    how: str


def match(repo: Repo, branch: str, rows: Sequence[Row]) -> list[Match]:
    """Each row's commit: on the branch first, then anywhere in the repository."""
    line = _line(repo, branch)
    ordered = sorted(line)
    loose = _loose(repo, [row.hash for row in rows if row.hash])
    taken: dict[str, Row] = {}
    found: dict[int, Match] = {}
    # Many write the commit that they went back to beside a discard: the row that kept it owns it.
    for row in sorted(rows, key=lambda row: (row.status != "keep", row.number)):
        oid, how = _one(row, ordered, loose)
        before = taken.get(oid) if oid else None
        if before and before.description.strip() != row.description.strip():
            oid, how = "", f"{row.hash} is row {before.number}'s commit already"
        elif oid:
            taken.setdefault(oid, row)
        found[row.number] = Match(row, oid, how)
    return _with_baseline(repo, line, [found[row.number] for row in rows])


def _line(repo: Repo, branch: str) -> dict[str, int]:
    """Commits of the branch, with their place from the tip."""
    try:
        listed = git(repo.place.git_dir, "rev-list", "--end-of-options", branch, "--")
    except GitError:
        hint = "name the branch of the experiments: --branch NAME"
        raise ArError(f"there is no branch {branch}", hint) from None
    return {oid: k for k, oid in enumerate(listed.split())}


def _loose(repo: Repo, hashes: Sequence[str]) -> dict[str, str]:
    """What git makes of short hashes: a commit's oid, "ambiguous", or nothing."""
    if not hashes:
        return {}
    flags = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
    said = git(repo.place.git_dir, *flags, stdin="\n".join(hashes) + "\n").splitlines()
    found = {}
    for text, answer in zip(hashes, said, strict=False):
        oid, _, kind = answer.rpartition(" ")
        if kind == "commit":
            found[text] = oid
        elif kind == "ambiguous":
            found[text] = "ambiguous"
    return found


def _one(row: Row, ordered: list[str], loose: dict[str, str]) -> tuple[str, str]:
    if not row.hash:
        return "", "it names no commit"
    on_branch = ordered[bisect_left(ordered, row.hash) : bisect_left(ordered, row.hash + "g")]
    if len(on_branch) == 1:
        return on_branch[0], "on the branch"
    if len(on_branch) > 1:
        return "", f"{row.hash} is ambiguous: {len(on_branch)} commits of the branch"
    oid = loose.get(row.hash, "")
    if oid == "ambiguous":
        return "", f"{row.hash} is ambiguous in this repository"
    return (oid, "off the branch") if oid else ("", f"commit {row.hash} is gone")


def _with_baseline(repo: Repo, line: dict[str, int], found: list[Match]) -> list[Match]:
    """The row `baseline` without a commit is about what the first experiment started from."""
    first = next((k for k, each in enumerate(found) if each.row.is_baseline), None)
    if first is None or found[first].commit:
        return found
    known = [each.commit for each in found if each.commit in line]
    if known:
        oldest = max(known, key=lambda oid: line[oid])
        parents = repo.parents(oldest)
        if parents and parents[0] not in known:
            found[first] = Match(found[first].row, parents[0], "what the first one started from")
    return found
