"""git ar report: one page for people."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from autoresearch_git.errors import ArError, GitError
from autoresearch_git.git.process import git
from autoresearch_git.look.query import as_decided, elites
from autoresearch_git.look.report.data import data
from autoresearch_git.look.report.page import render
from autoresearch_git.look.status import status
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk
from autoresearch_git.records import Experiment

DIFFED = 4000  # experiments whose diff is asked of git: more would not fit the page


@click.command()
@click.option("-o", "--output", "path", default="report.html", help="The file (report.html).")
@click.option("--title", default="", help="Its heading (default: the repository's name).")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
def command(path: str, title: str, klass: str) -> None:
    """One HTML page: progress, every experiment with review and diff, archive, knobs, cost.

    It holds all it shows and loads nothing: mail it, or open it from a disk.

    \b
    git ar report -o report.html
    """
    memory = Memory.open()
    text = page(memory, klass, title or _name(memory))
    target = Path(path)
    try:
        half = target.with_name(target.name + ".part")
        half.write_text(text, encoding="utf-8")
        os.replace(half, target)  # a reader never sees half a page
    except OSError as error:
        raise ArError(f"cannot write {target}: {error.strerror}") from None
    talk(f"wrote {target} ({len(text.encode()) / 1e6:.1f} MB)")


def page(memory: Memory, klass: str, title: str) -> str:
    """The report of a class as HTML."""
    index, now = memory.index, status(memory, klass)
    found = as_decided(index, now.klass) if now.klass else []
    visits = {name: tally.tries for name, tally in index.tallies(now.klass, "niche").items()}
    best = elites(index, now.klass)
    return render(data(found, now, best, visits, diffs(memory, found), title))


def diffs(memory: Memory, found: Sequence[Experiment]) -> dict[str, str]:
    """The diff of each experiment against its parent, by one call of git; {} if git cannot."""
    pairs = [f"{e.commit} {e.plan.parent}" for e in found if e.plan and e.plan.parent][-DIFFED:]
    flags = ("--stdin", "-p", "-U2", "--no-color", "--no-ext-diff", "--no-textconv")
    try:
        text = git(memory.place.git_dir, "diff-tree", *flags, stdin="\n".join(pairs) + "\n")
    except GitError:
        return {}  # a shallow clone lacks old commits; the page says where to look
    wanted = {pair[:40] for pair in pairs}
    split: dict[str, list[str]] = {}
    commit = ""
    for line in text.split("\n"):
        if len(line) == 40 and line in wanted:
            commit = line
            split[commit] = []
        elif commit:
            split[commit].append(line)
    return {oid: "\n".join(lines).strip("\n") for oid, lines in split.items()}


def _name(memory: Memory) -> str:
    folder = memory.place.work or memory.place.common
    return folder.resolve().name.removesuffix(".git") or "research"
