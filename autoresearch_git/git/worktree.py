"""Worktrees that have the research branch checked out follow it, and lose nothing."""

from __future__ import annotations

from pathlib import Path

from autoresearch_git.errors import GitError
from autoresearch_git.git.locate import Place
from autoresearch_git.git.process import git
from autoresearch_git.refs import short


def follow(place: Place, branch: str, old: str, new: str) -> list[str]:
    """Fast-forward every worktree on a branch that just moved; what was said for people.

    `read-tree -m -u` with two trees is what a fast-forward pull does: it keeps local changes, and
    refuses as a whole where one is in the way. The worktree is then left behind, and we say so.
    """
    notices = []
    for folder in _on(place, branch):
        try:
            git(folder, "read-tree", "-m", "-u", old, new)
        except GitError:
            notices.append(
                f"{short(branch)} moved to {new[:9]}, but {folder} has changes in the way; "
                f"yours are kept. See: git diff {old[:9]} {new[:9]}"
            )
    return notices


def _on(place: Place, branch: str) -> list[Path]:
    found, folder = [], Path()
    for line in git(place.git_dir, "worktree", "list", "--porcelain").splitlines():
        if line.startswith("worktree "):
            folder = Path(line.removeprefix("worktree "))
        elif line == f"branch {branch}" and (folder / ".git").exists():
            found.append(folder)
    return found
