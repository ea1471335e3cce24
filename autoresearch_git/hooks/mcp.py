"""The MCP server: the memory to read, and the four verbs, for agents that speak MCP.

Each verb runs as a process of its own, so nothing it prints can disturb the protocol on stdout.
What comes back is the same quoted, bounded text that hooks give.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from autoresearch_git.agent import brief
from autoresearch_git.clean import quote
from autoresearch_git.errors import ArError
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Experiment
from autoresearch_git.research import Research, find
from autoresearch_git.stages.backend import class_here

if TYPE_CHECKING:
    from mcp.server import MCPServer

LATEST = 20


def serve(folder: Path) -> MCPServer:
    """The server for the research around a folder; ArError without the `mcp` package."""
    try:
        from mcp.server import MCPServer
    except ImportError:
        hint = 'install it: pip install "autoresearch-git[mcp]"'
        raise ArError("the mcp package is not installed", hint) from None
    server = MCPServer("git-ar")
    tools = _Tools(folder)
    for tool in (tools.state, tools.latest, tools.experiment, *tools.verbs):
        server.add_tool(tool)
    return server


class _Tools:
    """The tools; their docstrings are what an agent reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.verbs = (self.propose, self.run, self.review, self.select)

    def state(self) -> str:
        """Where the research stands: best, baseline, near misses, failures, the next plan."""
        research = Research.open(self.folder)
        return brief.session(research, class_here(research))

    def latest(self, number: int = 10) -> str:
        """The latest experiments, one line each, newest last."""
        found = Memory.open(self.folder).index.oldest_first(max(1, min(number, LATEST)))
        return "\n".join(map(brief.experiment_line, found)) or "none yet"

    def experiment(self, commit: str) -> str:
        """One experiment with its review, by commit."""
        return brief.reviews([find(Memory.open(self.folder), commit)])

    def propose(self, idea: str, hypothesis: str = "") -> str:
        """Make an experiment of the target file as it is edited in the working tree."""
        words = ("--from-worktree", "-m", idea, "--hypothesis", hypothesis)
        return self._verb("propose", *words)

    def run(self, commit: str) -> str:
        """Run an experiment; waits until it has ended."""
        return self._verb("run", "--", commit)

    def review(self, commit: str) -> str:
        """Judge an experiment that was run."""
        return self._verb("review", "--", commit)

    def select(self, commit: str) -> str:
        """Decide on an experiment that was reviewed: keep, near miss, retest or discard."""
        return self._verb("select", "--", commit)

    def _verb(self, verb: str, *args: str) -> str:
        options = args[:-2] if args[-2:-1] == ("--",) else args
        names = args[len(options) :]
        done = subprocess.run(
            (sys.executable, "-m", "autoresearch_git", verb, "--json", *options, *names),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return f"refused: {quote(done.stderr.removeprefix('git ar: '))}"
        found = [msgspec.convert(json.loads(line), Experiment) for line in done.stdout.splitlines()]
        return "\n".join(f"{brief.experiment_line(e)}; commit {e.commit}" for e in found)
