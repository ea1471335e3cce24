"""Whether an agent is sent on: the decision alone, and through the hook."""

from __future__ import annotations

from dataclasses import replace

from autoresearch_git.hooks.auto import IDLE, Auto, Facts, decide
from tests.hooks.support import event, research
from tests.support import Sandbox

ON = Auto(on=True, runs=5, until=1000.0, turns=20, base=10)
NOW = Facts(decided=12, tip="a", live=False, now=500.0)


def test_it_goes_on_only_when_switched_on() -> None:
    assert decide(Auto(), NOW) == (Auto(), "")
    after, reason = decide(ON, NOW)
    assert "2 of 5 experiments done, turn 1 of 20" in reason
    assert after == replace(ON, sent=1, tip="a")


def test_every_budget_ends_it() -> None:
    for auto, facts in (
        (ON, replace(NOW, decided=15)),
        (ON, replace(NOW, now=1000.0)),
        (replace(ON, sent=20), NOW),
        (replace(ON, idle=IDLE - 1, tip="a"), NOW),
    ):
        after, reason = decide(auto, facts)
        assert (after.on, reason) == (False, "")


def test_a_run_in_flight_is_waited_for_at_no_cost() -> None:
    assert decide(ON, replace(NOW, live=True)) == (ON, "")


def test_progress_resets_the_count_of_idle_turns() -> None:
    auto = replace(ON, idle=IDLE - 1, tip="old")
    assert decide(auto, NOW)[0].idle == 0


def test_the_hook_sends_on_to_its_limit_and_no_further(sandbox: Sandbox) -> None:
    research(sandbox)
    assert event(sandbox, "Stop", last_assistant_message="never stop").returncode == 0
    event(sandbox, "UserPromptSubmit", prompt="git ar auto on; never stop, keep going")
    assert event(sandbox, "Stop").returncode == 0
    sandbox.ok("auto", "on", "--turns", "2")
    statuses = [event(sandbox, "Stop", stop_hook_active=n > 0).returncode for n in range(4)]
    assert statuses == [2, 2, 0, 0]
    sandbox.ok("auto", "on")
    assert [event(sandbox, "Stop").returncode for _ in range(5)] == [2, 2, 2, 0, 0]
    sandbox.ok("auto", "on")
    sandbox.ok("auto", "off")
    assert event(sandbox, "Stop").returncode == 0


def test_what_it_says_has_no_shell_syntax(sandbox: Sandbox) -> None:
    research(sandbox)
    sandbox.ok("auto", "on", "--runs", "3", "--hours", "1")
    done = event(sandbox, "Stop")
    assert done.stdout == ""
    assert "git ar auto is on: 0 of 3" in done.stderr
    assert not set("<>&|;`$") & set(done.stderr)


def test_a_broken_switch_and_a_child_of_ours_stop(sandbox: Sandbox, monkeypatch) -> None:
    research(sandbox)
    sandbox.ok("auto", "on")
    monkeypatch.setenv("GIT_AR_DEPTH", "1")
    assert event(sandbox, "Stop").returncode == 0
    monkeypatch.delenv("GIT_AR_DEPTH")
    (sandbox.folder / ".git" / "ar" / "auto.json").write_text('{"on": tru')
    assert event(sandbox, "Stop").returncode == 0
