"""How each known agent is started for one edit, without a person to ask.

`{prompt}`, `{folder}`, `{model}`, `{usd}`, `{out}` and `{target}` are filled in; a group of words
whose setting is empty is left out. An agent sees only the secrets that its preset names.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from autoresearch_git.errors import ArError

Group = tuple[str, ...]


@dataclass(frozen=True)
class Preset:
    """One agent's command line, in groups of words that belong together."""

    groups: tuple[Group, ...]
    secrets: tuple[str, ...]
    output: str  # one of usage.READERS


PRESETS: dict[str, Preset] = {
    "codex": Preset(
        (
            ("codex", "exec", "--json", "--ephemeral", "--skip-git-repo-check"),
            ("-s", "workspace-write", "-C", "{folder}"),
            ("-m", "{model}"),
            ("{prompt}",),
        ),
        ("OPENAI_API_KEY", "CODEX_API_KEY", "CODEX_HOME"),
        "codex",
    ),
    "claude": Preset(
        (
            ("claude", "-p", "{prompt}", "--output-format", "json"),
            ("--permission-mode", "acceptEdits", "--allowedTools", "Read,Edit,Write,Grep,Glob"),
            ("--model", "{model}"),
            ("--max-budget-usd", "{usd}"),
        ),
        ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
        "claude",
    ),
    "gemini": Preset(
        (
            ("gemini", "-p", "{prompt}", "--approval-mode", "yolo", "-o", "json", "--skip-trust"),
            ("-m", "{model}"),
        ),
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "gemini",
    ),
    "opencode": Preset(
        (
            ("opencode", "run", "--format", "json", "--dir", "{folder}"),
            ("-m", "{model}"),
            ("{prompt}",),
        ),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        "opencode",
    ),
    "aider": Preset(
        (
            ("aider", "--message", "{prompt}", "--yes-always", "--no-stream", "--no-git"),
            ("--no-check-update", "--analytics-disable", "--map-tokens", "0"),
            ("--model", "{model}"),
            ("{target}",),
        ),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        "aider",
    ),
    "mini": Preset(
        (
            ("mini", "-t", "{prompt}", "-y", "--exit-immediately", "-o", "{out}"),
            ("-m", "{model}"),
            ("-l", "{usd}"),
        ),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
        "mini",
    ),
}


def find(name: str, command: str = "", secrets: str = "") -> Preset:
    """The preset of a name; `custom` is the configured command, with the secrets it names."""
    if name == "custom":
        words = shlex.split(command)
        if not words:
            raise ArError(
                "no agent is configured", 'git config ar.agent.command "my-agent {prompt}"'
            )
        return Preset(tuple((word,) for word in words), tuple(secrets.split()), "text")
    if name not in PRESETS:
        known = ", ".join((*PRESETS, "custom"))
        raise ArError(f"there is no agent {name!r}", f"one of: {known}")
    return PRESETS[name]


def argv(preset: Preset, values: Mapping[str, str]) -> list[str]:
    """The command line; a group that needs an empty setting is left out."""
    words = []
    for group in preset.groups:
        needed = [key for key in values if any("{" + key + "}" in word for word in group)]
        if any(not values[key] for key in needed):
            continue
        for word in group:
            for key in needed:
                word = word.replace("{" + key + "}", values[key])
            words.append(word)
    return words
