"""What a loop's workers do next, where an engine's hardware is known only after its first run."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from autoresearch_git import agenda as module
from autoresearch_git.agenda import Agenda
from autoresearch_git.backends.base import Backend
from autoresearch_git.backends.local import LocalBackend
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import options
from tests.support import Sandbox


def veiled(research: Research) -> tuple[Backend, threading.Event]:
    """A backend that says nothing of its hardware until the event is set."""
    known = threading.Event()

    class Veiled(LocalBackend):
        def fingerprint(self) -> Mapping[str, Any]:
            return super().fingerprint() if known.is_set() else {}

    return Veiled(options(research, "local")), known


def agenda(backend: Backend) -> Agenda:
    return Agenda(backend, random.Random(1), threading.Event(), print, dict)


def test_a_worker_that_came_while_the_baseline_ran_goes_on_after_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits without the lock, so that the one who ran it can go on, and then looks again."""
    monkeypatch.setattr(module, "PAUSE", 0.05)
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    research = Research.open(sandbox.folder)
    backend, known = veiled(research)
    mine = agenda(backend)
    baseline = research.memory.repo.resolve("autoresearch/demo")
    mine.in_hand.add(baseline)  # as it is until its worker has judged it
    found: list[module.Task] = []
    waiting = threading.Thread(
        target=lambda: found.append(mine.next(Research.open(sandbox.folder))), daemon=True
    )
    waiting.start()
    waiting.join(0.5)
    assert not found
    assert mine.lock.acquire(timeout=5)
    mine.lock.release()
    known.set()
    waiting.join(30)
    ((experiment, job),) = found
    assert experiment.commit != baseline
    assert job


def test_a_worker_that_waits_ends_with_its_loop(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    research = Research.open(sandbox.folder)
    backend, _ = veiled(research)
    mine = agenda(backend)
    mine.in_hand.add(research.memory.repo.resolve("autoresearch/demo"))
    threading.Timer(0.3, mine.stopping.set).start()
    with pytest.raises(KeyboardInterrupt):
        mine.next(research)
