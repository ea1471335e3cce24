"""`git ar hook EVENT`: one command for Codex, Claude Code and Gemini CLI, and for git's hooks.

The replies are what all three read the same way: context as `additionalContext` with status 0; a
refusal, or "go on" at a stop, as status 2 with the reason on stderr and nothing on stdout.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself takes as long to import as all of this file
    from autoresearch_git.hooks.guard import Guard
    from autoresearch_git.hooks.payload import Payload

REFUSED = 2
GIT_EVENTS = ("pre-commit", "work")


def main(args: list[str]) -> int:
    """Serve one event; the exit status."""
    client, rest = "", list(args)
    if rest[:1] == ["--client"]:
        client, rest = "".join(rest[1:2]), rest[2:]
    event = rest[0] if rest else ""
    if event in GIT_EVENTS:
        from autoresearch_git.hooks import gitside

        return gitside.main(event, rest[1:])
    from autoresearch_git.hooks import payload as payloads

    payload = payloads.Payload(payloads.read(sys.stdin.buffer.read()), event, client)
    try:
        return _serve(payload)
    except Exception as error:  # noqa: BLE001 - a broken hook must never block a session
        sys.stderr.write(f"git ar hook: {error!r}\n")
        return 0 if payload.kind == "Stop" else 1


def _serve(payload: Payload) -> int:
    from autoresearch_git.hooks import guard

    if payload.kind not in (
        "PreToolUse",
        "PostToolUse",
        "SessionStart",
        "UserPromptSubmit",
        "Stop",
    ):
        return 0
    known = guard.load(payload.folder)
    if known is None:
        return 0  # no research here
    if payload.kind == "PreToolUse":
        return _refuse(_reason(payload, known))
    if int(os.environ.get("GIT_AR_DEPTH", "0") or "0"):
        return 0  # a proposer that git ar started itself
    if payload.kind == "PostToolUse" and not _worth_a_look(payload.command):
        return 0
    from autoresearch_git.hooks import session

    context, reason = session.reply(payload, known)
    if reason:
        return _refuse(reason)
    if context:
        import json

        said = {"hookEventName": payload.name, "additionalContext": context}
        sys.stdout.write(json.dumps({"hookSpecificOutput": said}) + "\n")
    return 0


def _reason(payload: Payload, known: Guard) -> str:
    from autoresearch_git.hooks import policy

    if payload.command:
        return policy.judge(payload.command, payload.folder, known)
    return policy.judge_files(payload.files, payload.folder, known)


def _refuse(reason: str) -> int:
    if not reason:
        return 0
    sys.stderr.write(reason + "\n")
    return REFUSED


def _worth_a_look(command: str) -> bool:
    """Whether a run or a commit may have come of it: a cheap test, wrong only towards yes."""
    return any(word in command for word in ("ar", "python", "commit", "torchrun"))
