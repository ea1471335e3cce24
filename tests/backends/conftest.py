"""A lab, and backends with and without the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoresearch_git.backends import BACKENDS, sandbox
from autoresearch_git.backends.base import Backend
from tests.backends.lab import Lab

NO_SANDBOX = pytest.mark.skipif(bool(sandbox.trouble()), reason=sandbox.trouble() or "works")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("AR_LOCKS", str(tmp_path / "locks"))
    return Lab(tmp_path)


@pytest.fixture(
    params=[pytest.param(False, id="bare"), pytest.param(True, id="sandboxed", marks=NO_SANDBOX)]
)
def backend(request: pytest.FixtureRequest, lab: Lab) -> Backend:
    return BACKENDS["local"](lab.options(sandbox=request.param))
