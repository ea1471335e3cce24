"""Proof that hooks fire: the installed command is run as a client would, and has to refuse."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass

from autoresearch_git.git.locate import Place
from autoresearch_git.hooks import settings
from autoresearch_git.hooks.session import SEEN

_EVENT = {"gemini": "BeforeTool"}
_TOOL = {"gemini": "run_shell_command"}


@dataclass(frozen=True)
class Finding:
    """What was found of one client."""

    client: str
    works: bool
    text: str


def check(place: Place) -> list[Finding]:
    """Try the installed command of each client whose settings have one."""
    found = []
    for client in settings.FILES:
        event = _EVENT.get(client, "PreToolUse")
        commands = [c for c in settings.installed(place, client) if c.endswith(f" {event}")]
        if commands:
            found.append(_try(place, client, commands[0], event))
    return found


def _try(place: Place, client: str, command: str, event: str) -> Finding:
    payload = {
        "hook_event_name": event,
        "cwd": str(place.work),
        "tool_name": _TOOL.get(client, "Bash"),
        "tool_input": {"command": "git push origin HEAD"},
    }
    bare = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(
        ("sh", "-c", command),
        input=json.dumps(payload),
        capture_output=True,
        text=True,
        cwd=place.work,
        env=bare,
        timeout=60,
        check=False,
    )
    if done.returncode != 2 or not done.stderr.strip():
        about = f"the canary was not refused: status {done.returncode}"
        return Finding(client, False, about)
    return Finding(client, True, f"refuses the canary; {_last(place, client)}")


def _last(place: Place, client: str) -> str:
    try:
        age = time.time() - float((place.private / f"{SEEN}-{client}").read_text())
    except (OSError, ValueError):
        note = settings.TRUST[client] or "start a session here to see"
        return f"never fired in a session yet ({note})"
    return f"fired in a session {age / 60:.0f} min ago"
