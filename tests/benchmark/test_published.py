"""The published configurations: they fit the present train.py, train, and become experiments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_git.errors import ArError
from autoresearch_git.search import knobs
from benchmark import published
from tests.benchmark.conftest import BENCHMARK
from tests.benchmark.test_run import run
from tests.support import Sandbox

SOURCE = (BENCHMARK / "train.py").read_text()


@pytest.mark.parametrize("name", published.PUBLISHED)
def test_a_published_configuration_trains(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, source=published.configured(name, SOURCE))
    assert done.returncode == 0, done.stderr
    assert "\nval_bpb: " in done.stdout


def test_the_sizes_of_the_gpu_profile_are_set_and_those_of_the_cpu_are_not() -> None:
    text = published.configured("author", SOURCE)
    found = {k.name: k.value for k in knobs.read({"train.py": text}).knobs}
    assert (found["DEPTH@1"], found["DEPTH@2"]) == (4, 9)
    assert (found["TOTAL_BATCH_SIZE@2"], found["WINDOW_PATTERN"]) == (2**18, "SSSSL")


def test_a_train_py_that_does_not_fit_is_told() -> None:
    with pytest.raises(ArError, match="ROPE_BASE"):
        published.configured("swarm", SOURCE.replace("ROPE_BASE = ", "ROTARY_BASE = "))
    with pytest.raises(ArError, match="rotate"):
        published.configured("fork", SOURCE.replace("q, k = rotate(", "q, k = turn("))


def test_they_are_announced_in_a_research(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=SOURCE, prepare__py=(BENCHMARK / "prepare.py").read_text())
    sandbox.ok("init", "--branch", "demo")
    script = [sys.executable, str(BENCHMARK / "published.py")]
    done = subprocess.run(script, cwd=sandbox.folder, capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == len(published.PUBLISHED)
    assert [e["plan"]["emitter"] for e in sandbox.records("log")] == ["person"] * 4
    again = subprocess.run([*script, "fork"], cwd=sandbox.folder, capture_output=True, text=True)
    assert again.returncode == 1
    assert "already tried" in again.stderr
