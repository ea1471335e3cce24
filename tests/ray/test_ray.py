"""The Ray backend on a cluster of one machine: one cluster for all, in a network of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.ray.lab import environment, lonely

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_ray_keeps_the_laws(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    env = environment(tmp_path)
    prefix = lonely()
    if prefix:
        env["RAY_AUTH_MODE"] = "disabled"  # nobody else can reach it
    inner = [sys.executable, "-m", "pytest", "-n", "0", "--durations", "5", "tests/ray/inside.py"]
    inner += ["--basetemp", str(tmp_path / "inner"), "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*prefix, *inner], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240
    )
    print(done.stdout[-4000:], done.stderr[-2000:])  # noqa: T201 - shown when it fails
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
