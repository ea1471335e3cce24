"""What a loop's workers do next, where an engine's hardware is known only after its first run."""

from __future__ import annotations

import random
import threading

import pytest

from autoresearch_git import agenda as module
from autoresearch_git.agenda import Agenda
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import open_backend
from tests.support import Sandbox


@pytest.fixture
def agenda(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Agenda:
    """Of a loop one of whose workers is at the baseline; nothing is known of the hardware yet."""
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    backend = open_backend(Research.open(sandbox.folder))
    monkeypatch.setattr(backend, "fingerprint", dict)
    monkeypatch.setattr(module, "PAUSE", 0.05)
    made = Agenda(backend, random.Random(1), threading.Event(), print, dict)
    made.in_hand.add(sandbox.git("rev-parse", "autoresearch/demo"))
    return made


def test_a_worker_that_came_while_the_baseline_ran_goes_on_after_it(
    sandbox: Sandbox, agenda: Agenda, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits without the lock, so that the one who ran it can go on, and then looks again."""
    known = open_backend(Research.open(sandbox.folder)).fingerprint()
    found: list[module.Task] = []
    waiting = threading.Thread(
        target=lambda: found.append(agenda.next(Research.open(sandbox.folder))), daemon=True
    )
    waiting.start()
    waiting.join(0.5)
    assert not found
    assert agenda.lock.acquire(timeout=5)
    agenda.lock.release()
    monkeypatch.setattr(agenda.backend, "fingerprint", lambda: known)
    waiting.join(30)
    ((experiment, job),) = found
    assert experiment.commit != sandbox.git("rev-parse", "autoresearch/demo")
    assert job


def test_a_worker_that_waits_ends_with_its_loop(sandbox: Sandbox, agenda: Agenda) -> None:
    threading.Timer(0.3, agenda.stopping.set).start()
    with pytest.raises(KeyboardInterrupt):
        agenda.next(Research.open(sandbox.folder))
