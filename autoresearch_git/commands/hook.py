"""git ar hook: what hooks call. `__main__` goes to the entry directly, without click."""

from __future__ import annotations

import sys

import click

from autoresearch_git.hooks import entry


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--client", default="", help="codex, claude or gemini (default: a guess).")
@click.argument("event")
@click.argument("args", nargs=-1)
def command(client: str, event: str, args: tuple[str, ...]) -> None:
    """Serve one hook event: the payload on stdin, the reply on stdout, stderr and as status.

    For the hooks that git ar hooks install writes, not for people. Events are those of Codex,
    Claude Code and Gemini CLI; a refusal is status 2 with the reason on stderr.

    \b
    echo '{"tool_name": "Bash", "tool_input": {"command": "git push"}}' | git ar hook PreToolUse
    """
    sys.exit(entry.main([*(("--client", client) if client else ()), event, *args]))
