"""git ar mcp: the memory and the four verbs as an MCP server."""

from __future__ import annotations

from pathlib import Path

import click

from autoresearch_git.hooks.mcp import serve
from autoresearch_git.memory.store import Memory


@click.command()
def command() -> None:
    """Serve the Model Context Protocol on stdin and stdout, for agents that speak it.

    Tools: state, latest, experiment, and propose, run, review, select. Needs the mcp extra.

    \b
    claude mcp add git-ar -- git ar mcp
    codex mcp add git-ar -- git ar mcp
    """
    Memory.open()
    serve(Path.cwd()).run()
