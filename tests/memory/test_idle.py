"""A sync that finds nothing new starts one python and two gits, and says what a full one would."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_git import refs
from autoresearch_git.memory import fsck
from autoresearch_git.memory.store import Memory
from autoresearch_git.memory.sync import sync
from tests.memory.lab import git
from tests.memory.test_sync import clones, one


def called(folder: Path, *args: str) -> tuple[str, bool]:
    """What `git ar sync` says, and whether the full one was needed."""
    command = (sys.executable, "-X", "importtime", "-m", "autoresearch_git", "sync", *args)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout, "click" in done.stderr


@pytest.fixture
def pair(tmp_path: Path) -> list[Path]:
    """Two clones with the same memory."""
    made = clones(tmp_path, 2)
    one(made[0], "first")
    for clone in made:
        sync(Memory.open(clone))
        sync(Memory.open(clone))
    return made


def test_it_says_what_the_full_one_says(pair: list[Path]) -> None:
    said, full = called(pair[0])
    assert not full
    assert called(pair[0], "origin") == (said, False)
    assert called(pair[0], "--json") == (said, True)


def test_it_sees_an_event_of_ours_and_one_of_theirs(pair: list[Path]) -> None:
    one(pair[1], "second", 1)
    said, full = called(pair[1])
    assert full
    assert json.loads(said)["pushed"] == 1
    assert not called(pair[1])[1]
    said, full = called(pair[0])
    assert full
    assert json.loads(said)["fetched"] == 1
    assert not called(pair[0])[1]


def test_it_leaves_mending_and_doubt_to_the_full_one(pair: list[Path]) -> None:
    git(pair[0], "update-ref", "-d", refs.NOTES)
    assert called(pair[0])[1]
    assert fsck.check(Memory.open(pair[0])).ok
    git(pair[0], "config", "ar.remote", str(pair[0].parent / "hub.git"))
    assert called(pair[0])[1]  # an address is no name of a remote
    git(pair[0], "config", "ar.remote", "origin")
    git(pair[0].parent / "hub.git", "update-ref", "-d", refs.TRAIL)
    said, full = called(pair[0])
    assert full
    assert json.loads(said)["pushed"] == 4
