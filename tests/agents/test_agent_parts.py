"""Presets, what agents print, the answer, and the choice among several."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from autoresearch_git.agent import choice, presets, prompt, usage
from autoresearch_git.agent.call import Limits, call
from autoresearch_git.agent.choice import Record
from autoresearch_git.records import Decision, Event, Experiment, Plan

VALUES = {"prompt": "P", "folder": "/f", "model": "", "usd": "", "out": "/o", "target": "t.py"}


def test_command_lines_leave_out_what_is_not_set() -> None:
    for name, preset in presets.PRESETS.items():
        words = presets.argv(preset, VALUES)
        assert words[0] == ("mini" if name == "mini" else name)
        assert "P" in words
        assert not any("{" in word for word in words)
        full = presets.argv(preset, VALUES | {"model": "M", "usd": "1.5"})
        assert "M" in full
    assert presets.argv(presets.PRESETS["claude"], VALUES | {"usd": "2"})[-1] == "2"


def test_usage_of_each_agent() -> None:
    codex = [
        {"type": "thread.started", "thread_id": "th"},
        {"type": "item.completed", "item": {"type": "agent_message", "text": "CHANGE: a"}},
        {"type": "turn.completed", "usage": {"input_tokens": 100, "output_tokens": 7}},
    ]
    found = usage.read("codex", "\n".join(map(json.dumps, codex)) + "\nnot json")
    assert (found.sent, found.received, found.session) == (100, 7, "th")
    assert found.text == "CHANGE: a"
    claude = {
        "result": "CHANGE: b", "session_id": "s", "total_cost_usd": 0.25,
        "usage": {"input_tokens": 10, "output_tokens": 5}, "modelUsage": {"m": {}},
    }  # fmt: skip
    found = usage.read("claude", json.dumps(claude))
    assert (found.tokens, found.usd, found.model) == (15, 0.25, "m")
    gemini = {"response": "c", "stats": {"models": {"g": {"tokens": {"prompt": 9, "total": 12}}}}}
    found = usage.read("gemini", "noise\n" + json.dumps(gemini))
    assert (found.sent, found.received, found.text) == (9, 3, "c")
    step = {"type": "step_finish", "part": {"tokens": {"input": 4, "output": 2}, "cost": 0.01}}
    found = usage.read("opencode", "\n".join([json.dumps(step)] * 2))
    assert (found.tokens, found.usd) == (12, 0.02)
    found = usage.read("aider", "Tokens: 1.5k sent, 10 received. Cost: $0.03 message\n")
    assert (found.sent, found.received, found.usd) == (1500, 10, 0.03)
    found = usage.read("mini", "", json.dumps({"info": {"model_stats": {"instance_cost": 0.5}}}))
    assert found.usd == 0.5
    for name in usage.READERS:
        assert usage.read(name, "garbage", "garbage").tokens == 0


def test_the_answer_is_found_in_prose() -> None:
    text = "I looked.\n**CHANGE:** wider\n- HYPOTHESIS: it underfits\nEXPECTED: about -3e-3 bpb"
    assert prompt.answer(text) == prompt.Answer("wider", "it underfits", -0.003)
    assert prompt.answer("nothing of the kind") == prompt.Answer()


def test_limits_end_a_call_while_it_runs(tmp_path: Path) -> None:
    step = json.dumps({"type": "step_finish", "part": {"tokens": {"input": 50}, "cost": 1.0}})
    script = f"import time\nprint({step!r}, flush=True)\ntime.sleep(60)"
    words = (sys.executable, "-c", script)
    assert call(words, tmp_path, "opencode", Limits(tokens=40)).ended == "tokens"
    assert call(words, tmp_path, "opencode", Limits(usd=0.5)).ended == "usd"
    done = call(words, tmp_path, "opencode", Limits(seconds=0.5, tokens=100))
    assert (done.ended, done.usage.sent) == ("timeout", 50)


def test_the_cheap_and_good_agent_is_chosen_most() -> None:
    found = {"good": Record(6, 4, 60.0), "poor": Record(1, 9, 60.0), "dear": Record(6, 4, 600.0)}
    rng = random.Random(0)
    picks = [choice.choose(found, rng) for _ in range(300)]
    assert picks.count("good") > 240
    fresh = [choice.choose({"a": Record(), "b": Record()}, rng) for _ in range(300)]
    assert 100 < fresh.count("a") < 200


def test_records_come_from_experiments_and_non_proposals() -> None:
    def plan(name: str, usd: float) -> Plan:
        about = {"name": name, "usd": usd, "seconds": 10.0}
        return Plan(emitter="agent", phase="explore", change="x", parent="p", agent=about)

    kept = Decision(klass="c", verdict="keep", reason="r")
    tried = [Experiment(commit="a", seq=1, plan=plan("one", 1.0), decision=kept)]
    events = [Event(kind="non-proposal", seq=2, plan=plan("two", 0.0))]
    found = choice.records(("one", "two", "three"), tried, events)
    assert (found["one"].wins, found["one"].losses) == (1, 0)
    assert found["one"].cost == 10.0 + choice.DOLLAR
    assert (found["two"].wins, found["two"].losses, found["two"].cost) == (0, 1, 10.0)
    assert found["three"] == Record()
