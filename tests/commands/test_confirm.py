"""Spending runs on doubt, stopping, steering, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support import TRAIN, Sandbox

# Killed while it runs: slow enough to be caught, and it says when it started.
SLOW = (
    TRAIN.replace("main()\n", "") + "import time\nprint('started', flush=True)\ntime.sleep(1.5)\n"
)


def test_confirm_runs_another_seed_and_decides_anew(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "6", "--seed", "5")
    (kept,) = sandbox.records("confirm", "autoresearch/demo", "--seeds", "2")
    seeds = [run["seed"] for run in kept["runs"]]
    assert len(seeds) == len(set(seeds)) == 3
    assert kept["review"]["n"] == 3
    assert sandbox.git("rev-parse", "autoresearch/demo") == kept["commit"]
    assert "no keep is in doubt" in sandbox.ok("doubt", "--no-json")


def test_several_are_confirmed_side_by_side_in_turns(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "3", "--seed", "5", "--jobs", "2")
    commits = [e["commit"] for e in sandbox.records("log")]
    found = sandbox.records("confirm", *commits, "--seeds", "3", "--jobs", "2")
    assert [e["commit"] for e in found] == commits
    assert [[r["seed"] for r in e["runs"]] for e in found] == [[42, 43, 44, 45]] * 3
    assert [e["review"]["n"] for e in found] == [4] * 3
    started = sandbox.git("log", "--reverse", "--format=%b", "refs/ar/trail").splitlines()
    events = [json.loads(text) for text in started if text.startswith("{")]
    order = [commits.index(e["commit"]) for e in events if e["kind"] == "start"][-9:]
    for k in range(3):  # two that begin at once may overtake each other
        turns = [position for position, j in enumerate(order) if j == k]
        assert all(abs(at - (k + 3 * turn)) <= 2 for turn, at in enumerate(turns)), order


@pytest.mark.usefixtures("two_classes")
def test_on_other_hardware_what_waits_for_the_baseline_is_judged_at_the_end(
    sandbox: Sandbox,
) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "3", "--seed", "5", "--jobs", "1")
    logged = sandbox.records("log")
    baseline = next(e["commit"] for e in logged if not e["plan"]["parent"])
    others = [e["commit"] for e in logged if e["commit"] != baseline]
    found = sandbox.records("confirm", *others, baseline, "--jobs", "2")
    assert len({e["review"]["class"] for e in found}) == 1
    assert all(e["decision"]["class"] == e["review"]["class"] for e in found)
    assert found[0]["runs"][0]["class"] != found[0]["review"]["class"]


def test_an_earlier_keep_that_is_confirmed_does_not_rewind_the_branch(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "12", "--seed", "3")
    tip = sandbox.git("rev-parse", "autoresearch/demo")
    kept = [e for e in sandbox.records("log") if e["decision"]["verdict"].startswith("keep")]
    earlier = next(e for e in reversed(kept) if e["commit"] != tip)
    sandbox.ok("confirm", earlier["commit"], "--seeds", "2")
    assert sandbox.git("rev-parse", "autoresearch/demo") == tip


def test_verify_tells_what_repeats_from_what_does_not(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    sandbox.ok("verify", "autoresearch/demo")
    lucky = TRAIN.replace("noise = (", "noise = __import__('time').monotonic() + (")
    sandbox.write("train.py", lucky)
    (made,) = sandbox.records("propose", "--from-worktree", "-m", "a metric that tells the time")
    sandbox.ok("run", made["commit"])
    done = sandbox.ar("verify", made["commit"])
    assert done.returncode == 1
    assert "does not repeat" in done.stderr


def test_a_steer_is_remembered(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("steer", "look", "at", "the", "\x1b[31mwarm-down")
    sandbox.ok("loop", "--runs", "1")
    assert len(sandbox.records("log")) == 1
    trail = sandbox.git("log", "--format=%b", "refs/ar/trail")
    assert "look at the warm-down" in trail


def test_a_killed_loop_goes_on_with_what_it_had(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=SLOW + "main()\n")
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    _kill_in_flight(sandbox)
    done = sandbox.ar("loop", "--runs", "1")
    assert done.returncode == 0, done.stderr
    assert "was in flight when its process died" in done.stderr
    (only,) = sandbox.records("log")
    assert [run["outcome"] for run in only["runs"]] == ["killed", "ok"]
    assert only["decision"]["verdict"] == "keep"
    assert json.loads(sandbox.ok("fsck", "--json"))["ok"]


def test_a_run_in_a_killed_one_s_place_records_both(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=SLOW + "main()\n")
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    _kill_in_flight(sandbox)
    (only,) = sandbox.records("log")
    sandbox.ok("run", only["commit"], "--seed", "7")
    (only,) = sandbox.records("log")
    assert [(run["outcome"], run["seed"]) for run in only["runs"]] == [("killed", 42), ("ok", 7)]
    assert json.loads(sandbox.ok("fsck", "--json"))["ok"]


def _kill_in_flight(sandbox: Sandbox) -> None:
    """Start a loop and kill it, and all that belongs to it, during its first run."""
    command = [sys.executable, "-m", "autoresearch_git", "loop", "--runs", "1"]
    loop = subprocess.Popen(
        command, cwd=sandbox.folder, start_new_session=True, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not _in_flight(sandbox):
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(loop.pid, signal.SIGKILL)
    loop.wait()


def _in_flight(sandbox: Sandbox) -> bool:
    return any("lease" in e for e in sandbox.records("log"))
