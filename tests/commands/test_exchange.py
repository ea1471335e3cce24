"""Exchanges of a loop: workers wait for a network only a little, and nothing stays unsent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from autoresearch_git import loop
from autoresearch_git.backends.lease import is_alive
from autoresearch_git.errors import GitError
from autoresearch_git.exchange import Exchange
from autoresearch_git.git.process import git
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import open_backend
from tests.support import Sandbox


def hung(sandbox: Sandbox, said: Path) -> None:
    """A remote whose ssh connects and never says a word; its process id is in the file."""
    sandbox.git("remote", "add", "origin", "ssh://hub.example/research.git")
    sandbox.git("config", "core.sshCommand", f"echo $$ >> {said}; exec sleep 600 #")


def test_git_is_ended_after_its_limit_with_all_that_it_started(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    said = tmp_path / "pids"
    hung(sandbox, said)
    with pytest.raises(GitError, match="fetch: no end after 1 s"):
        git(sandbox.folder, "fetch", "origin", limit=1.0)
    (pid,) = map(int, said.read_text().split())
    for _ in range(100):
        if not is_alive(pid, time.time()):
            return
        time.sleep(0.05)
    raise AssertionError(f"{pid} goes on")


def test_a_remote_that_hangs_does_not_hold_a_loop(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.research()
    hung(sandbox, tmp_path / "pids")
    monkeypatch.setattr(loop, "LIMIT", 0.5)
    research, told = Research.open(sandbox.folder), []
    watcher = loop.Watcher(say=told.append)
    backend = open_backend(research, "local", "1")
    campaign = loop.Loop(research, backend, loop.Budget(runs=2), watcher, remote="origin")
    assert campaign.work() == 2
    assert sum("not synced: git fetch: no end after" in line for line in told) == 3


def test_who_asks_meanwhile_goes_on_and_is_sent_at_the_end() -> None:
    goes, calls = threading.Event(), []

    def work() -> bool:
        calls.append(len(calls))
        return len(calls) == 1 or goes.wait(60)

    with Exchange(work, patience=0.05) as exchange:
        exchange.ask()
        exchange.ask()
        assert calls == [0, 1]
        goes.set()
    assert calls == [0, 1, 2]


def test_after_a_failure_the_end_is_not_tried_again() -> None:
    goes, calls = threading.Event(), []

    def work() -> bool:
        calls.append(len(calls))
        return len(calls) == 1 or not goes.wait(60)

    with Exchange(work, patience=0.05) as exchange:
        exchange.ask()
        exchange.ask()
        goes.set()
    assert calls == [0, 1]


def test_an_error_of_ours_is_not_taken_for_a_bad_network() -> None:
    calls = []

    def work() -> bool:
        calls.append(1)
        if len(calls) > 1:
            raise ZeroDivisionError
        return True

    with pytest.raises(ZeroDivisionError), Exchange(work) as exchange:
        exchange.ask()
