"""`git ar loop`: what comes first, and what is judged when."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoresearch_git.backends import hardware
from autoresearch_git.loop import Budget, Loop, Watcher
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import open_backend
from tests.support import TRAIN, Sandbox

# The untouched files take the longest.
SLOW = TRAIN.replace(
    "def main():\n", "import time\n\n\ndef main():\n    time.sleep(WIDTH == 256)\n"
)


def test_ideas_wait_for_a_slower_baseline_with_their_verdict(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=SLOW)
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    ideas = [sandbox.records("propose", "--set", f"WIDTH={w}")[0] for w in (512, 1024)]
    sandbox.ok("loop", "--runs", "3", "--jobs", "3")
    found = {each["commit"]: each for each in sandbox.records("log")}
    assert len(found) == 3
    assert all(each["decision"] for each in found.values())
    assert found[ideas[0]["commit"]]["review"]["delta"] < 0
    (baseline,) = [each for each in found.values() if each["plan"]["emitter"] == "baseline"]
    assert baseline["decision"]["verdict"] == "keep"


def test_the_baseline_is_run_before_ideas_that_were_there_first(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("propose", "--set", "WIDTH=512")
    sandbox.ok("loop", "--runs", "2")
    first, second = sandbox.records("log")
    assert (first["plan"]["emitter"], second["plan"]["emitter"]) == ("person", "baseline")
    assert first["runs"][0]["run"] != second["runs"][0]["run"]
    assert first["review"]["delta"] < 0


def machines(sandbox: Sandbox, tmp_path: Path) -> tuple[Path, Path]:
    """Two clones of one research, which has its baseline, and a hub between them."""
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    hub = tmp_path / "hub.git"
    sandbox.git("init", "-q", "--bare", str(hub))
    sandbox.git("remote", "add", "origin", str(hub))
    sandbox.git("push", "-q", "origin", "main", "autoresearch/demo")
    sandbox.ok("sync")
    other = tmp_path / "other"
    sandbox.git("clone", "-q", str(hub), str(other))
    sandbox.git("-C", str(other), "branch", "-q", "autoresearch/demo", "origin/autoresearch/demo")
    sandbox.ok("sync", cwd=other)
    return sandbox.folder, other


def keep(sandbox: Sandbox, folder: Path, *settings: str) -> str:
    flags = [word for setting in settings for word in ("--set", setting)]
    (made,) = sandbox.records("propose", *flags, cwd=folder)
    sandbox.ok("loop", "--runs", "1", cwd=folder)
    (found,) = sandbox.records("show", made["commit"], cwd=folder)
    assert found["decision"]["verdict"] == "keep-unconfirmed"
    return made["commit"]


def test_a_machine_goes_on_from_the_best_of_all(sandbox: Sandbox, tmp_path: Path) -> None:
    here, there = machines(sandbox, tmp_path)
    worse = keep(sandbox, here, "DROPOUT=0.05")
    better = keep(sandbox, there, "ACTIVATION=silu", "WARMUP=0.1")
    sandbox.ok("sync", cwd=there)
    said = sandbox.ok("sync", "--no-json", cwd=here)
    assert f"going on from {better[:9]}" in said
    files = [sandbox.git("show", f"{rev}:train.py") for rev in ("autoresearch/demo", better)]
    assert files[0] == files[1]
    ancestors = sandbox.git("log", "--format=%H", "autoresearch/demo").split()
    assert {worse, better} <= set(ancestors)  # nothing was rewound
    assert "going on" not in sandbox.ok("sync", "--no-json", cwd=here)
    # the other one knows, and stays where it is: it has the better one already
    assert "going on" not in sandbox.ok("sync", "--no-json", cwd=there)
    for folder in (here, there):
        assert json.loads(sandbox.ok("fsck", cwd=folder).splitlines()[-1])["ok"]


def test_loops_that_sync_share_one_best(sandbox: Sandbox, tmp_path: Path) -> None:
    folders = machines(sandbox, tmp_path)
    command = (sys.executable, "-m", "autoresearch_git", "loop", "--runs", "5", "--sync")
    running = [
        subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=-1
        )
        for folder in folders
    ]
    for one in running:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, (out, err)
    for folder in (*folders, *folders):
        sandbox.ok("sync", cwd=folder)
    trails = {sandbox.git("-C", str(f), "rev-parse", "refs/ar/trail") for f in folders}
    assert len(trails) == 1
    assert sum(len(each["runs"]) for each in sandbox.records("log")) == 11
    tips = {sandbox.git("-C", str(f), "rev-parse", "autoresearch/demo:train.py") for f in folders}
    assert len(tips) == 1


def test_a_remote_that_is_away_does_not_end_a_loop(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.git("remote", "add", "origin", str(sandbox.folder / "nowhere.git"))
    done = sandbox.ar("loop", "--runs", "2", "--sync")
    assert done.returncode == 0
    assert "not synced" in done.stderr
    assert len(done.stdout.splitlines()) == 2


def test_a_detached_loop_goes_on_is_seen_and_stopped(sandbox: Sandbox) -> None:
    nap = TRAIN.replace("    seed = ", "    __import__('time').sleep(0.5)\n    seed = ")
    sandbox.commit(train__py=nap)
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    sandbox.ok("stop")  # nobody is there yet: the loop that comes is not meant
    began = time.monotonic()
    done = sandbox.ar("loop", "--runs", "50", "--detach")
    assert done.returncode == 0
    assert time.monotonic() - began < 10
    pid = int(re.findall(r"process (\d+)", done.stderr)[0])
    while len([e for e in sandbox.records("log") if e.get("decision")]) < 2:
        time.sleep(0.2)
        os.kill(pid, 0)
    assert "demo" in sandbox.ok("watch", "--once") or "val_bpb" in sandbox.ok("watch", "--once")
    sandbox.ok("stop")
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()
    assert "stopped by git ar stop" in (sandbox.folder / ".git/ar/loop.log").read_text()
    assert all(each["decision"] for each in sandbox.records("log"))


def test_a_detached_loop_that_cannot_start_says_why(sandbox: Sandbox) -> None:
    sandbox.commit()
    done = sandbox.ar("loop", "--runs", "1", "--detach")
    assert done.returncode == 1
    assert "git ar init" in done.stderr


def test_the_baseline_runs_again_on_a_machine_that_is_new_to_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loop() -> list[str]:
        research, said = Research.open(sandbox.folder), []
        backend = open_backend(research, "local", "1", False, "")
        Loop(research, backend, Budget(runs=1), Watcher(say=said.append), calibrate=True).work()
        return [text for text in said if "never ran on this machine" in text]

    sandbox.research()
    for host, told in (("a", 0), ("a", 0), ("b", 1), ("b", 0)):
        monkeypatch.setattr(hardware, "host", lambda host=host: host)
        assert len(loop()) == told
    found = sandbox.records("log")
    (baseline,) = [each for each in found if each["plan"]["emitter"] == "baseline"]
    runs = [(run["hardware"]["host"], run["seed"]) for run in baseline["runs"]]
    assert runs == [("a", 42), ("b", 42)]
    assert baseline["review"]["n"] == 2
    assert len(found) == 3
