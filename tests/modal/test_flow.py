"""git ar with the Modal backend, end to end on the fake: the loop, kills, attaching, orphans."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fake_modal.client import Service
from tests.support import TRAIN, Sandbox

NAP = "    __import__('time').sleep(0.4)\n"


@pytest.fixture
def rented(sandbox: Sandbox) -> Sandbox:
    """A research that runs at Modal."""
    sandbox.commit(
        train__py=TRAIN.replace("    seed = ", "    __import__('time').sleep(0.4)\n    seed = ")
    )
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    sandbox.git("config", "ar.backend", "modal")
    sandbox.git("config", "ar.modal.packages", "numpy")
    return sandbox


def test_the_loop_runs_at_modal(rented: Sandbox, fake: Service) -> None:
    out = rented.ok("loop", "--runs", "3", "--jobs", "2", "--gpu", "H200")
    found = [json.loads(line) for line in out.splitlines()]  # nothing of the SDK's on stdout
    assert len(found) == 3
    for each in found:
        (run,) = each["runs"]
        assert (run["backend"], run["outcome"]) == ("modal", "ok")
        assert run["cost"] > 0
        assert run["checks"]["facts"]["gpu"] == "H200"
        assert run["hardware"]["cpu"]
    assert {each["decision"] is not None for each in found} == {True}
    assert fake.calls("SandboxCreate") == 3
    assert rented.records("fsck")[-1]["ok"]
    assert not list((rented.folder / ".git/ar/modal/runs").glob("*"))
    assert not list((rented.folder / ".git/ar/modal/trees").glob("*"))


def test_a_budget_of_money_ends_a_loop(rented: Sandbox) -> None:
    done = rented.ar("loop", "--runs", "5", "--cost", "0.0001")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "are spent" in done.stderr


def test_gpus_are_not_rented_locally(sandbox: Sandbox) -> None:
    sandbox.research()
    done = sandbox.ar("loop", "--runs", "1", "--gpu", "H100")
    assert done.returncode == 1
    assert "--backend modal" in done.stderr


def begun(rented: Sandbox, *words: str) -> subprocess.Popen[bytes]:
    """A loop in a session of its own, so that it can be killed with all that it started."""
    return subprocess.Popen(
        (sys.executable, "-m", "autoresearch_git", "loop", *words),
        cwd=rented.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def rented_one(rented: Sandbox, process: subprocess.Popen[bytes]) -> Path:
    """The ledger, as soon as it names a sandbox of the loop."""
    ledger = rented.folder / ".git/ar/modal/runs"
    while not any("sb-" in path.read_text() for path in ledger.glob("*.json")):
        time.sleep(0.05)
        assert process.poll() is None
    return ledger


@pytest.mark.slow
def test_a_killed_client_never_pays_twice(rented: Sandbox, fake: Service) -> None:
    """Killed at 20 points of the flow; each time the next loop goes on."""
    rng = random.Random(7)
    for _ in range(20):
        process = begun(rented, "--runs", "2", "--json")
        time.sleep(rng.uniform(0.3, 4.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    rented.ok("loop", "--runs", "3")
    found = rented.records("log")
    runs = [run for each in found for run in each["runs"]]
    names = [run["run"] for run in runs]
    assert len(names) == len(set(names))
    assert all(run["outcome"] in ("ok", "killed") for run in runs)
    # no sandbox but those that a fact tells of, and none of them twice
    told = [run["checks"]["facts"]["sandbox"] for run in runs if run["outcome"] == "ok"]
    assert len(told) == len(set(told))
    rented.ok("modal", "reap")
    assert rented.records("modal", "reap") == []
    lost = sum(run["outcome"] == "killed" for run in runs)
    assert fake.calls("SandboxCreate") <= len(told) + lost + 1
    assert rented.records("fsck")[-1]["ok"]


def test_a_run_outlives_its_client_and_is_followed(rented: Sandbox, fake: Service) -> None:
    rented.ok("loop", "--runs", "1")
    slow = (rented.folder / "train.py").read_text().replace("sleep(0.4)", "sleep(4)")
    rented.write("train.py", slow)
    rented.ok("propose", "--from-worktree", "-m", "slower")
    process = begun(rented, "--runs", "1")
    rented_one(rented, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = fake.calls("SandboxCreate")
    done = rented.ar("loop", "--runs", "1")
    assert done.returncode == 0
    assert "taken over" in done.stderr
    (each,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert each["plan"]["change"] == "slower"
    assert [run["outcome"] for run in each["runs"]] == ["ok"]
    assert fake.calls("SandboxCreate") == made  # paid once


def test_orphans_are_found_and_ended(rented: Sandbox, fake: Service) -> None:
    slow = (rented.folder / "train.py").read_text().replace("sleep(0.4)", "sleep(60)")
    rented.commit(train__py=slow, message="slow")
    rented.git("branch", "-f", "autoresearch/demo")
    rented.ok("init", "--metric", "val_bpb", "--branch", "orphans")
    process = begun(rented, "--runs", "1", "--branch", "orphans")
    ledger = rented_one(rented, process)
    assert rented.records("modal", "reap") == []  # somebody follows it
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for path in ledger.glob("*.json"):
        path.unlink()  # the machine's disk is gone, say
    (ended,) = rented.records("modal", "reap")
    assert ended["sandbox"].startswith("sb-")
    assert rented.records("modal", "reap") == []


def test_without_a_token_or_a_network(rented: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODAL_TOKEN_ID")
    done = rented.ar("loop", "--runs", "1")
    assert "modal setup" in done.stderr
    monkeypatch.setenv("MODAL_TOKEN_ID", "ak-fake")
    monkeypatch.setenv("MODAL_SERVER_URL", "http://127.0.0.1:9")
    began = time.monotonic()
    done = rented.ar("loop", "--runs", "1")
    assert "cannot be reached" in done.stderr
    assert time.monotonic() - began < 20  # the SDK alone needs 56 s


def test_the_data_is_uploaded_once(
    rented: Sandbox, fake: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "prepared"
    (cache / "corpus").mkdir(parents=True)
    (cache / "corpus" / "tokens.bin").write_bytes(b"tokens")
    (cache / "triton").mkdir()
    (cache / "triton" / "kernel").write_bytes(b"x")
    monkeypatch.setenv("AUTORESEARCH_CACHE", str(cache))
    look = "    print(sorted(__import__('os').listdir(os.environ['AUTORESEARCH_CACHE'])))\n"
    rented.commit(train__py=TRAIN.replace("    seed = ", f"{look}    seed = "), message="look")
    rented.ok("init", "--metric", "val_bpb", "--branch", "data")
    rented.ok("loop", "--runs", "2", "--branch", "data")
    uploads = fake.calls("VolumePutFiles2")
    assert uploads > 0
    log = rented.ok("show", "--log", "autoresearch/data")
    assert "['complete', 'corpus']" in log
    rented.ok("loop", "--runs", "1", "--branch", "data")
    assert fake.calls("VolumePutFiles2") == uploads


@pytest.mark.parametrize("setting", ["mine", "none"])
def test_what_was_compiled_once_is_there_for_the_next_run(rented: Sandbox, setting: str) -> None:
    rented.git("config", "ar.modal.kernels", setting)
    count = (
        "    kernels = __import__('pathlib').Path(os.environ.get('TRITON_CACHE_DIR', 'own'))\n"
        "    kernels.mkdir(parents=True, exist_ok=True)\n"
        "    (kernels / str(WIDTH)).touch()\n"
        "    print('compiled', len(list(kernels.iterdir())))\n"
    )
    rented.commit(train__py=TRAIN.replace("    seed = ", f"{count}    seed = "), message="compile")
    rented.ok("init", "--metric", "val_bpb", "--branch", "warm")
    rented.ok("loop", "--runs", "1", "--branch", "warm")
    assert "compiled 1" in rented.ok("show", "--log", "autoresearch/warm")
    (made,) = rented.records("propose", "--set", "WIDTH=512", "--branch", "warm")
    rented.ok("loop", "--runs", "1", "--branch", "warm")
    seen = 2 if setting == "mine" else 1
    assert f"compiled {seen}" in rented.ok("show", "--log", made["commit"])
