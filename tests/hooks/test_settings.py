"""Settings and instructions of agents: merged in, proven by a canary, taken out byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoresearch_git.hooks import settings
from autoresearch_git.hooks.payload import KINDS
from tests.hooks.support import research
from tests.support import Sandbox

ROOT = Path(__file__).parents[2]
SERVED = {"SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Stop"}


@pytest.mark.parametrize("client", list(settings.FILES))
def test_install_check_uninstall(sandbox: Sandbox, client: str) -> None:
    research(sandbox)
    path = sandbox.folder / settings.FILES[client]
    path.parent.mkdir()
    mine = b'{"hooks": {"Stop": [{"hooks": [{"type": "command",\n "command": "true"}]}]}, "x": 1}'
    path.write_bytes(mine)
    sandbox.ok("hooks", "install", "--agent", client)
    once = path.read_bytes()
    found = json.loads(once)
    assert found["x"] == 1
    assert {"type": "command", "command": "true"} in found["hooks"]["Stop"][0]["hooks"]
    assert {KINDS.get(event, event) for event in found["hooks"]} >= SERVED
    sandbox.ok("hooks", "install", "--agent", client)
    assert path.read_bytes() == once
    assert f"{client:<14} ok" in sandbox.ok("hooks", "check")
    sandbox.ok("hooks", "uninstall", "--agent", client)
    assert path.read_bytes() == mine


def test_settings_that_were_edited_since_lose_only_our_hooks(sandbox: Sandbox) -> None:
    research(sandbox)
    sandbox.ok("hooks", "install", "--agent", "claude")
    path = sandbox.folder / ".claude" / "settings.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model": "m"}))
    sandbox.ok("hooks", "uninstall", "--agent", "claude")
    assert json.loads(path.read_text()) == {"model": "m"}
    sandbox.ok("hooks", "install", "--agent", "gemini")
    sandbox.ok("hooks", "uninstall", "--agent", "gemini")
    assert not (sandbox.folder / ".gemini" / "settings.json").exists()


def test_the_canary_finds_hooks_that_do_not_fire(sandbox: Sandbox) -> None:
    research(sandbox)
    assert "no agent has hooks here" in sandbox.ar("hooks", "check").stderr
    sandbox.ok("hooks", "install", "--agent", "codex")
    path = sandbox.folder / ".codex" / "hooks.json"
    path.write_text(path.read_text().replace("git-ar hook", "git-aar hook"))
    done = sandbox.ar("hooks", "check")
    assert done.returncode == 1
    assert "BROKEN: the canary was not refused: status 127" in done.stdout


def test_broken_settings_are_left_alone(sandbox: Sandbox) -> None:
    research(sandbox)
    sandbox.write(".codex/hooks.json", "{not json")
    done = sandbox.ar("hooks", "install", "--agent", "codex")
    assert done.returncode == 1
    assert "is not JSON" in done.stderr
    assert (sandbox.folder / ".codex" / "hooks.json").read_text() == "{not json"


def test_init_writes_instructions_and_keeps_what_is_there(sandbox: Sandbox) -> None:
    sandbox.commit()
    sandbox.write("AGENTS.md", "mine\n")
    done = sandbox.ar("init", "--metric", "val_bpb", "--agent")
    assert done.returncode == 0, done.stderr
    assert "left as they are: AGENTS.md" in done.stderr
    assert (sandbox.folder / "AGENTS.md").read_text() == "mine\n"
    assert (sandbox.folder / "CLAUDE.md").read_text() == "@AGENTS.md\n"
    skills = [sandbox.folder / d / "skills/git-ar/SKILL.md" for d in (".agents", ".claude")]
    assert skills[0].read_text() == skills[1].read_text() != ""


def test_all_copies_of_the_skill_are_the_same() -> None:
    copies = [ROOT / d / "skills/git-ar/SKILL.md" for d in (".agents", ".claude")]
    texts = {path.read_text() for path in (*copies, ROOT / "hooks/agents/SKILL.md")}
    assert len(texts) == 1
    assert (ROOT / "CLAUDE.md").read_text() == "@AGENTS.md\n"
