"""`git ar hook` as Codex, Claude Code and Gemini CLI call it: golden payloads, replies, speed."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time

import pytest

from autoresearch_git.hooks.payload import Payload, read
from tests.hooks.support import event, research
from tests.support import Sandbox

# Tool calls as each client's stdin has them (recorded, or from its documentation).
CODEX = {
    "session_id": "01a2", "transcript_path": None, "model": "m", "turn_id": "01a3",
    "permission_mode": "bypassPermissions", "tool_use_id": "call_0_0",
}  # fmt: skip
CLAUDE = {
    "session_id": "9f", "transcript_path": "/t.jsonl", "prompt_id": "p1",
    "effort": {"level": "high"}, "tool_use_id": "toolu_1",
}  # fmt: skip
GEMINI = {
    "session_id": "5c", "transcript_path": "/t.json", "timestamp": "2026-11-22T10:58:17.211Z",
}  # fmt: skip
PATCH = "*** Begin Patch\n*** Update File: prepare.py\n@@\n-a\n+b\n*** End Patch\n"
DENIED = [
    ("codex", "PreToolUse", CODEX, "Bash", {"command": "echo x > prepare.py"}),
    ("codex", "PreToolUse", CODEX, "Bash", {"command": ["bash", "-lc", "git push"]}),
    ("codex", "PreToolUse", CODEX, "Bash", {"command": f"apply_patch <<'EOF'\n{PATCH}EOF\n"}),
    ("codex", "PreToolUse", CODEX, "apply_patch", {"command": PATCH}),
    ("claude", "PreToolUse", CLAUDE, "Bash", {"command": "git checkout -- prepare.py"}),
    ("claude", "PreToolUse", CLAUDE, "Write", {"file_path": "{top}/prepare.py", "content": "x"}),
    ("claude", "PreToolUse", CLAUDE, "Edit", {"file_path": "{top}/autoresearch.toml"}),
    ("claude", "PreToolUse", CLAUDE, "mcp__fs__write_file", {"path": "prepare.py"}),
    ("gemini", "BeforeTool", GEMINI, "run_shell_command", {"command": "cat run.log"}),
    ("gemini", "BeforeTool", GEMINI, "write_file", {"file_path": "prepare.py", "content": "x"}),
    ("gemini", "BeforeTool", GEMINI, "replace", {"file_path": "prepare.py", "old_string": "a"}),
]  # fmt: skip
ALLOWED = [
    ("codex", "PreToolUse", CODEX, "Bash", {"command": "ls"}),
    ("codex", "PreToolUse", CODEX, "apply_patch", {"command": PATCH.replace("prepare", "train")}),
    ("codex", "PreToolUse", CODEX, "update_plan", {"plan": "git push"}),
    ("claude", "PreToolUse", CLAUDE, "Read", {"file_path": "{top}/prepare.py"}),
    ("claude", "PreToolUse", CLAUDE, "mcp__fs__read_file", {"path": "prepare.py"}),
    ("claude", "PreToolUse", CLAUDE, "Edit", {"file_path": "{top}/train.py"}),
    ("gemini", "BeforeTool", GEMINI, "run_shell_command", {"command": "git status"}),
    ("gemini", "BeforeTool", GEMINI, "read_file", {"file_path": "prepare.py"}),
]  # fmt: skip


def call(
    sandbox: Sandbox, case: tuple[str, str, dict, str, dict]
) -> subprocess.CompletedProcess[str]:
    client, kind, common, tool, given = case
    text = json.dumps(given).replace("{top}", str(sandbox.folder))
    return event(sandbox, kind, client, **common, tool_name=tool, tool_input=json.loads(text))


def test_tool_calls_of_all_clients(sandbox: Sandbox) -> None:
    research(sandbox)
    for case in DENIED:
        done = call(sandbox, case)
        assert (done.returncode, done.stdout) == (2, ""), case
        assert len(done.stderr.strip().splitlines()) == 1, case
    for case in ALLOWED:
        done = call(sandbox, case)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), case


def test_context_echoes_the_clients_own_event_name(sandbox: Sandbox) -> None:
    research(sandbox)
    sandbox.ok("loop", "--runs", "3", "--seed", "1")
    for client, kind in (("codex", "SessionStart"), ("gemini", "BeforeAgent")):
        reply = json.loads(event(sandbox, kind, client, source="resume", prompt="go").stdout)
        assert list(reply) == ["hookSpecificOutput"]
        assert set(reply["hookSpecificOutput"]) == {"hookEventName", "additionalContext"}
        assert reply["hookSpecificOutput"]["hookEventName"] == kind
        assert "best: " in reply["hookSpecificOutput"]["additionalContext"].replace(
            "best ", "best: "
        )
    session = json.loads(event(sandbox, "SessionStart").stdout)["hookSpecificOutput"]
    for part in ("baseline: ", "phase: ", "next plan: ", "elites", "change only"):
        assert part in session["additionalContext"]


def test_a_review_is_told_once_after_a_run(sandbox: Sandbox) -> None:
    research(sandbox)
    event(sandbox, "SessionStart")
    ran = {"tool_name": "Bash", "tool_input": {"command": "git ar loop --runs 1"}}
    assert event(sandbox, "PostToolUse", **ran).stdout == ""
    sandbox.ok("loop", "--runs", "1")
    for kind, client in (("AfterTool", "gemini"), ("PostToolUseFailure", "claude")):
        fields = ran | {"tool_name": {"gemini": "run_shell_command"}.get(client, "Bash")}
        done = event(sandbox, kind, client, **fields, tool_response={"llmContent": "x"}, error="y")
        (sandbox.folder / ".git" / "ar" / "told").write_text("0\n")
        if kind == "AfterTool":
            assert (
                "the baseline" in json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
            )
    event(sandbox, "PostToolUse", **ran)
    assert event(sandbox, "PostToolUse", **ran).stdout == ""
    raw = {"tool_name": "Bash", "tool_input": {"command": "python train.py > run.log"}}
    assert "was not recorded" in event(sandbox, "PostToolUse", **raw).stdout


def test_without_a_research_nothing_is_said(sandbox: Sandbox) -> None:
    sandbox.commit()
    for kind in ("SessionStart", "PreToolUse", "Stop", "PostToolUse", "Notification"):
        done = event(sandbox, kind, tool_name="Bash", tool_input={"command": "git push"})
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff\xfe", b'{"hook_event_name": 3}', b'{"a": 1e999}']
)
def test_a_payload_that_is_none(raw: bytes) -> None:
    assert Payload(read(raw), "Stop", "").kind == "Stop"


def test_the_scanner_reads_what_json_reads() -> None:
    data = {"a": [1, -2.5, None, True, '\u00e9\n"\\'], "b": {"c": {}}, "d": "\U0001f608", "e": []}
    for text in (json.dumps(data), json.dumps(data, ensure_ascii=False, indent=2)):
        assert read(text.encode()) == json.loads(text)


def test_the_policy_needs_no_module_that_python_did_not_load(sandbox: Sandbox) -> None:
    research(sandbox)
    event(sandbox, "PreToolUse", tool_name="Bash", tool_input={"command": "rm x"})
    code = (
        "import sys, os; before = set(sys.modules)\n"
        "sys.argv = ['git-ar', 'hook', 'PreToolUse']\n"
        "os._exit = lambda status: (_ for _ in ()).throw(SystemExit(status))\n"
        "from autoresearch_git.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "new = set(sys.modules) - before\n"
        "print(sorted(m for m in new if not m.startswith('autoresearch_git')))"
    )
    payload = {
        "cwd": str(sandbox.folder),
        "tool_name": "Bash",
        "tool_input": {"command": "rm x; git log"},
    }
    done = subprocess.run(
        (sys.executable, "-c", code),
        input=json.dumps(payload),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "['__future__', '_json']"


@pytest.mark.slow
def test_the_allow_path_costs_little_more_than_python_itself(sandbox: Sandbox) -> None:
    research(sandbox)
    payload = {
        "hook_event_name": "PreToolUse", "cwd": str(sandbox.folder), "tool_name": "Bash",
        "tool_input": {"command": "python train.py > run.log 2>&1; tail -n 5 run.log"},
    }  # fmt: skip
    data = json.dumps(payload).encode()
    hook = "from autoresearch_git.__main__ import main; main()"
    commands = [
        (sys.executable, "-c", "pass"),
        (sys.executable, "-c", hook, "hook", "--client", "codex", "PreToolUse"),
    ]
    times: list[list[float]] = [[], []]
    for _ in range(31):
        for command, taken in zip(commands, times, strict=True):
            start = time.perf_counter()
            subprocess.run(
                command, input=data, capture_output=True, check=True, env=dict(os.environ)
            )
            taken.append(time.perf_counter() - start)
    ratios = [b / a for a, b in zip(*times, strict=True)]
    assert statistics.median(ratios) <= 1.6
