"""The MCP server through the SDK's own client: all tools, one turn of the pipe."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.hooks.support import research
from tests.support import TRAIN, Sandbox

mcp = pytest.importorskip("mcp")


async def turn(folder: Path) -> dict[str, str]:
    from mcp.client.stdio import stdio_client

    parameters = mcp.StdioServerParameters(
        command=sys.executable, args=["-m", "autoresearch_git", "mcp"], cwd=folder
    )
    said: dict[str, str] = {}
    async with stdio_client(parameters) as streams, mcp.ClientSession(*streams) as session:
        await session.initialize()
        said["tools"] = " ".join(tool.name for tool in (await session.list_tools()).tools)

        async def call(name: str, **arguments: object) -> str:
            result = await session.call_tool(name, arguments)
            said[name] = "\n".join(part.text for part in result.content)
            return said[name]

        await call("state")
        (folder / "train.py").write_text(TRAIN.replace("WIDTH = 256", "WIDTH = 400"))
        commit = (await call("propose", idea="wider <b>", hypothesis="it underfits")).split()[-1]
        for verb in ("run", "review", "select"):
            await call(verb, commit=commit)
        await call("latest", number=5)
        await call("experiment", commit="--help")
    return said


def test_one_turn_of_the_pipe(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    research(sandbox)
    sandbox.ok("loop", "--runs", "1")
    # The client hands on only a few variables; the seal needs its own.
    for name in ("GIT_CONFIG_NOSYSTEM", "AUTORESEARCH_CACHE"):
        monkeypatch.delenv(name, raising=False)
    said = asyncio.run(turn(sandbox.folder))
    assert said["tools"] == "state latest experiment propose run review select"
    assert "baseline: " in said["state"]
    assert '"wider (b)"' in said["propose"]
    assert "keep" in said["select"]
    assert len(said["latest"].splitlines()) == 2
    assert said["experiment"]
    assert sandbox.records("log")[-1]["decision"]
