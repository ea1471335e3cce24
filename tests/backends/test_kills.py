"""A small campaign of kills; `tests/bench/bench_run.py kills` is the large one."""

from __future__ import annotations

import pytest

from autoresearch_git.backends import sandbox
from tests.bench.bench_run import kills


@pytest.mark.parametrize("boxed", [False, True], ids=["bare", "sandboxed"])
def test_every_run_is_accounted_for_after_kills(boxed: bool) -> None:
    if boxed and sandbox.trouble():
        pytest.skip(sandbox.trouble())
    books = kills(4, jobs=2, sandbox=boxed)
    assert books["runs"] == 12
    assert books["ok"] + books["killed"] == 12
    for name in ("unaccounted", "twice", "in flight", "orphans", "stale slots"):
        assert books[name] == 0, books
