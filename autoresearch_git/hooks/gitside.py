"""The parts of git's hooks that are Python: the warning before a commit, and the worker."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def main(event: str, args: list[str]) -> int:
    """Serve `git ar hook pre-commit` and `git ar hook work GIT_DIR`; always 0."""
    for name in [n for n in os.environ if n.startswith("GIT_") and n != "GIT_INDEX_FILE"]:
        del os.environ[name]  # a hook's GIT_DIR would send our git to the wrong repository
    if event == "pre-commit":
        for line in warnings():
            sys.stderr.write(f"git ar: {line}\n")
        return 0
    from autoresearch_git.hooks.worker import work

    os.environ.pop("GIT_INDEX_FILE", None)
    with contextlib.suppress(OSError):
        os.setsid()  # a terminal that closes, or an agent's group, takes no run with it
    work(Path(args[0]))
    return 0


def warnings() -> list[str]:
    """What a commit on a research branch changes besides the target files."""
    from autoresearch_git.errors import ArError
    from autoresearch_git.git.process import git
    from autoresearch_git.research import Research

    index = {"GIT_INDEX_FILE": os.path.abspath(os.environ.pop("GIT_INDEX_FILE", ".git/index"))}
    try:
        research = Research.open(".")
        staged = git(".", "diff", "--cached", "--name-only", "-z", env=index).split("\0")
    except ArError:
        return []
    changed = {path for path in staged if path}
    contract = research.contract
    protected = sorted(changed & {*contract.protect, "autoresearch.toml"})
    others = sorted(changed - set(contract.target) - set(protected))
    found = []
    if protected:
        found.append(
            f"this changes {', '.join(protected)}: results before and after are not comparable"
        )
    if others and changed & set(contract.target):
        found.append(
            f"an experiment should change only {', '.join(contract.target)}; "
            f"this one also changes {', '.join(others[:5])}"
        )
    return found
