"""`uv run` finds one environment per dependency set, made before the clock starts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoresearch_git.backends import uv
from autoresearch_git.backends.base import Backend
from autoresearch_git.backends.execute import execute
from tests.backends.lab import SUMMARY, Lab

PROJECT = '[project]\nname = "x"\nversion = "0"\nrequires-python = ">=3.10"\ndependencies = []\n'
SHOW = "import os, sys; print(sys.prefix)\n"
NEEDS_UV = pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")


@NEEDS_UV
def test_runs_share_one_environment(lab: Lab, backend: Backend, monkeypatch) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    lab.commit(pyproject__toml=PROJECT)
    seen = []
    for number in range(2):
        job = lab.job(SHOW + f"# {number}\n" + SUMMARY, command="uv run train.py")
        run = execute(job, backend)
        assert run.outcome == "ok", job.log.read_text() + run.detail
        seen.append(job.log.read_text().splitlines()[0])
    assert seen[0] == seen[1]
    assert Path(seen[0]).parent == lab.private / "envs"
    lab.commit(pyproject__toml=PROJECT.replace('"0"', '"1"'))
    job = lab.job(SHOW + SUMMARY, command="uv run train.py")
    assert execute(job, backend).outcome == "ok"
    assert job.log.read_text().splitlines()[0] != seen[0]


@NEEDS_UV
def test_what_uv_cannot_make_is_the_harness(lab: Lab, backend: Backend) -> None:
    lab.commit(pyproject__toml="[project]\nname = 3\n")
    run = execute(lab.job(SUMMARY, command="uv run train.py"), backend)
    assert run.outcome == "harness"
    assert "uv sync failed" in run.detail


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("uv run train.py", []),
        ("uv run --extra gpu --no-dev -q train.py --extra x", ["--extra", "gpu", "--no-dev"]),
        ("uv run --group=dev python train.py", ["--group=dev"]),
    ],
)
def test_options_that_choose_dependencies_are_kept(command: str, options: list[str]) -> None:
    assert uv._options(command.split()[2:]) == options


def test_other_commands_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    for command in ("python train.py", "uv pip list", 'unclosed "'):
        assert uv.variables(command, tmp_path, tmp_path / "envs", {}, False) == {}
    assert uv.variables("uv run x.py", tmp_path / "none", tmp_path / "envs", {}, False) == {}
