"""One fake service a process, and a guard: no test may reach the real one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoresearch_git.backends.modal.backend import ModalBackend
from tests.backends.lab import Lab
from tests.fake_modal.client import Service, service


@pytest.fixture(scope="session")  # the SDK keeps its client for the whole process
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("fake")) as running:
        yield running


@pytest.fixture(autouse=True)
def guarded(fake: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The SDK sees the fake and nothing of the user's; anything else is an error at once."""
    for name in [n for n in os.environ if n.startswith("MODAL_")]:
        monkeypatch.delenv(name)
    for name, value in fake.environment.items():
        monkeypatch.setenv(name, value)
    fake.set()
    (fake.folder / "calls").write_text("")
    from modal.config import config

    assert config.get("server_url") == f"http://127.0.0.1:{fake.port}"
    yield
    fake.set()


@dataclass
class Bench:
    """A lab with a backend on the fake."""

    lab: Lab
    make: Callable[..., ModalBackend]


@pytest.fixture
def modal_lab(tmp_path: Path) -> Bench:
    lab = Lab(tmp_path)

    def make(jobs: int = 2, wait: float | None = None, **extra: str) -> ModalBackend:
        return ModalBackend(lab.options(jobs=jobs, wait=wait, extra={"gpu": "H100!"} | extra))

    return Bench(lab, make)
