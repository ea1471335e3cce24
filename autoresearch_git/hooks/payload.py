"""What an agent's client says on a hook's stdin, under one set of names for all clients."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

KINDS = {  # what Gemini CLI and Claude Code call the five events that are served
    "BeforeTool": "PreToolUse",
    "AfterTool": "PostToolUse",
    "PostToolUseFailure": "PostToolUse",
    "BeforeAgent": "UserPromptSubmit",
    "AfterAgent": "Stop",
}
SHELLS = ("Bash", "run_shell_command", "shell", "exec_command", "local_shell", "bash")
READERS = ("Read", "Glob", "Grep", "LS", "read", "list", "glob", "search", "grep", "view", "web")
PATHS = ("file_path", "notebook_path", "path", "absolute_path", "destination", "file")


class Payload:
    """One event: `name` as the client calls it (replies must echo it), `kind` as we do."""

    __slots__ = ("client", "data", "folder", "kind", "name", "tool")

    def __init__(self, data: dict[str, object], event: str, client: str) -> None:
        self.data = data
        said = data.get("hook_event_name")
        self.name = said if isinstance(said, str) and said else event
        self.kind = KINDS.get(self.name, self.name)
        self.client = client or guess(data)
        tool = data.get("tool_name")
        self.tool = tool if isinstance(tool, str) else ""
        self.folder = self._folder()

    @property
    def input(self) -> dict[str, object]:
        found = self.data.get("tool_input")
        return found if isinstance(found, dict) else {}

    @property
    def command(self) -> str:
        """The shell line of a shell tool, "" of any other."""
        if self.tool not in SHELLS:
            return ""
        said = self.input.get("command") or self.input.get("cmd")
        if isinstance(said, list):  # an argument vector, as older clients send it
            words = [str(word) for word in said]
            return words[2] if len(words) == 3 and words[1].startswith("-") else " ".join(words)
        return said if isinstance(said, str) else ""

    @property
    def files(self) -> list[str]:
        """The files that an editing tool is about to change."""
        if self.tool in SHELLS or self.tool.rpartition("__")[2].startswith(READERS):
            return []
        given = self.input
        found = [v for key in PATHS if isinstance(v := given.get(key), str)]
        patch = given.get("command") or given.get("patch") or given.get("input")
        if isinstance(patch, str) and "*** " in patch:
            from autoresearch_git.hooks.policy_files import patched

            found += patched(patch)
        return found

    def text(self, key: str) -> str:
        found = self.data.get(key)
        return found if isinstance(found, str) else ""

    def _folder(self) -> str:
        start = self.text("cwd") or os.getcwd()
        for key in ("workdir", "cwd", "dir_path", "directory"):
            step = self.input.get(key)
            if isinstance(step, str) and step:
                return os.path.normpath(os.path.join(start, step))
        return start


def guess(data: dict[str, object]) -> str:
    """The client, where the installed command does not say it."""
    if "GEMINI_SESSION_ID" in os.environ:  # first: Gemini sets CLAUDE_PROJECT_DIR too
        return "gemini"
    return "claude" if "CLAUDE_PROJECT_DIR" in os.environ or "prompt_id" in data else "codex"


def read(raw: bytes) -> dict[str, object]:
    """The JSON object in the bytes; {} if there is none."""
    text = raw.decode("utf-8", "replace").strip()
    try:
        found = _scan(text)
    except (ValueError, StopIteration, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scan(text: str) -> object:
    # The scanner that json itself uses. Importing json costs as much as starting Python: it loads
    # re, which is needed only where this interpreter has no scanner in C.
    if sys.implementation.name == "cpython":
        try:
            from _json import make_scanner

            scanner: Any = make_scanner  # its stub wants a make_scanner where any settings do
            found: object = scanner(_Settings())(text, 0)[0]
            return found
        except (ImportError, AttributeError, TypeError):
            pass
    import json

    return json.loads(text)


class _Settings:
    strict = False
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012 - what the scanner's contract asks for
