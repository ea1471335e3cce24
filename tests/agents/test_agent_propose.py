"""`git ar propose --agent` with a scripted agent: what is committed, refused and recorded."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event
from tests.hooks.support import research
from tests.support import Sandbox

FAKE = Path(__file__).with_name("fake.py")


@pytest.fixture
def lab(sandbox: Sandbox) -> Sandbox:
    """A research with a baseline."""
    research(sandbox)
    sandbox.ok("loop", "--runs", "1")
    return sandbox


def agent(sandbox: Sandbox, deed: str) -> Path:
    """Configure the scripted agent; where it writes down how it was called."""
    seen = sandbox.folder.parent / "seen.txt"
    sandbox.git("config", "ar.agent.command", f"{sys.executable} {FAKE} {seen} {deed}")
    return seen


def nothing(sandbox: Sandbox) -> list[Event]:
    return Memory.open(sandbox.folder).index.events("non-proposal")


def test_an_edit_becomes_an_experiment(lab: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("FAKE_KEY", "wanted")
    lab.git("config", "ar.agent.secrets", "FAKE_KEY")
    seen = agent(lab, "edit+leftovers+git")
    before = lab.git("status", "--porcelain"), lab.git("rev-parse", "HEAD")
    (made,) = lab.records("propose", "--agent")
    assert (lab.git("status", "--porcelain"), lab.git("rev-parse", "HEAD")) == before
    plan = made["plan"]
    assert (plan["emitter"], plan["change"]) == ("agent", "make it wider")
    assert (plan["hypothesis"], plan["expected"]) == ("it underfits", -0.004)
    text = seen.with_suffix(".prompt").read_text()
    assert plan["agent"]["prompt"] == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert plan["agent"]["name"] == "custom"
    assert lab.git("diff", "--name-only", plan["parent"], made["commit"]) == "train.py"
    assert "Agent: custom" in lab.git("log", "-1", "--format=%B", made["commit"])
    depth, _, names = seen.read_text().partition(" ")
    assert depth == "1"
    assert "FAKE_KEY" in names
    assert "OPENAI_API_KEY" not in names
    assert text.isascii()
    for part in ('edit "train.py"', '"val_bpb"; lower is better', "baseline: ", "EXPECTED: "):
        assert part in text


@pytest.mark.parametrize(
    ("deed", "why"),
    [
        ("none", "it changed nothing"),
        ("other+edit", "it changed prepare.py too"),
        ("new+edit", "it changed helper.py too"),
        ("garbage", "does not compile"),
        ("fail", "it ended with status 1 no credit left"),
    ],
)
def test_what_is_no_proposal_is_recorded_once(lab: Sandbox, deed: str, why: str) -> None:
    agent(lab, deed)
    done = lab.ar("propose", "--agent")
    assert done.returncode == 1
    assert why in done.stderr
    assert "\x1b" not in done.stderr
    (event,) = nothing(lab)
    assert why in event.remark
    assert event.plan
    assert event.plan.agent["name"] == "custom"
    assert event.plan.agent["seconds"] > 0
    assert len(lab.records("log")) == 1


def test_a_duplicate_costs_one_non_proposal_and_not_the_others(lab: Sandbox) -> None:
    agent(lab, "same")
    assert len(lab.records("propose", "--agent")) == 1
    done = lab.ar("propose", "--agent", "-n", "2")
    assert done.stdout == ""
    assert done.stderr.count("already tried as") == 2
    assert len(nothing(lab)) == 2


def test_a_program_that_is_not_there(lab: Sandbox) -> None:
    lab.git("config", "ar.agent.command", "no-such-agent {prompt}")
    assert "could not be started no-such-agent" in lab.ar("propose", "--agent").stderr
    assert "there is no agent 'cody'" in lab.ar("propose", "--agent", "cody").stderr


def test_an_agent_that_hangs_is_ended_with_all_it_started(lab: Sandbox) -> None:
    agent(lab, "edit+hang")
    lab.git("config", "ar.agent.timeout", "3s")
    start = time.monotonic()
    assert "it took too long" in lab.ar("propose", "--agent").stderr
    assert time.monotonic() - start < 20
    left = subprocess.run(("ps", "-eo", "args"), capture_output=True, text=True, check=True).stdout
    assert str(FAKE) not in left


def test_the_budget_is_checked_before_anything_is_spent(lab: Sandbox) -> None:
    seen = agent(lab, "edit")
    lab.git("config", "ar.agent.budget", "0")
    assert "agents have cost 0.00 of 0.00 dollars" in lab.ar("propose", "--agent").stderr
    assert not seen.exists()


def test_the_pipe_goes_on_from_an_agents_experiment(lab: Sandbox) -> None:
    agent(lab, "edit")
    (made,) = lab.records("propose", "--agent", "-n", "1")
    lab.ok("loop", "--runs", "1")
    (found,) = [e for e in lab.records("log") if e["commit"] == made["commit"]]
    assert found["decision"]
    assert json.dumps(found)
