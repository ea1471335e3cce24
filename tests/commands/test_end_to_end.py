"""The main job on the real benchmark: training on the CPU, through all four stages."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import Sandbox

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmark"


def test_real_training_is_proposed_run_reviewed_and_selected(sandbox: Sandbox) -> None:
    for name in ("train.py", "prepare.py", "program.md"):
        shutil.copy(BENCHMARK / name, sandbox.folder)
    shutil.copytree(BENCHMARK / "data", sandbox.folder / "data")
    sandbox.git("add", ".")
    sandbox.git("commit", "-q", "-m", "the benchmark")
    sandbox.ok("init", "--branch", "demo", "--budget", "2")
    sandbox.ok("loop", "--runs", "2", "--seed", "1", AUTORESEARCH_PROFILE="cpu")
    baseline, idea = sandbox.records("log")
    for experiment in (baseline, idea):
        (run,) = experiment["runs"]
        assert run["outcome"] in ("ok", "nan", "crash"), run
    (run,) = baseline["runs"]
    assert baseline["decision"]["verdict"] == "keep"
    assert 1.0 < run["value"] < 8.0
    assert run["metrics"]["training_seconds"] >= 2.0
    # The number came over the private channel too, and the two agree.
    assert abs(run["checks"]["report"]["value"] - run["value"]) < 1e-6
    assert run["curve"]
    assert idea["plan"]["parent"] == baseline["commit"]
    assert "Verdict: " in sandbox.git("log", "-1", "--notes=ar", "--format=%N", "autoresearch/demo")
