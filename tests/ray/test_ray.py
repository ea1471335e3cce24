"""The Ray backend on a cluster of one machine: one cluster for all, in a network of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_git.backends import BACKENDS
from autoresearch_git.backends.base import Options
from autoresearch_git.errors import ArError
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


def test_without_ray_the_cure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as if it were not installed
    backend = BACKENDS["ray"](Options(folder=tmp_path))
    with pytest.raises(ArError, match="not installed") as said:
        backend.check()
    assert "autoresearch-git[ray]" in said.value.hint


def test_opening_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from autoresearch_git.backends import BACKENDS\n"
        "from autoresearch_git.backends.base import Options\n"
        "assert BACKENDS['ray'](Options(folder=Path(sys.argv[1]), jobs=3)).jobs == 3\n"
        "assert 'ray' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)
