"""The hook settings of coding agents in a repository: merged in, and taken out again."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from autoresearch_git.errors import ArError
from autoresearch_git.git.locate import Place
from autoresearch_git.hooks.install import program, templates

FILES = {
    "codex": ".codex/hooks.json",
    "claude": ".claude/settings.json",
    "gemini": ".gemini/settings.json",
}
TRUST = {
    "codex": "Codex runs these hooks only once you trust them: start codex here, choose Trust",
    "claude": "",
    "gemini": "Gemini runs these hooks only in a trusted folder: start gemini here, choose Trust",
}


def install(place: Place, client: str) -> str:
    """Merge our hooks into a client's settings; what a person has still to do."""
    path = _path(place, client)
    before = path.read_bytes() if path.exists() else b""
    settings = _parse(before, path)
    _remove(settings, client)
    ours = wanted(client)["hooks"]
    for event, groups in ours.items():
        settings.setdefault("hooks", {}).setdefault(event, []).extend(groups)
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    if text.encode() != before:
        _remember(place, client, before, text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return TRUST[client]


def uninstall(place: Place, client: str) -> None:
    """Take our hooks out; untouched settings come back byte for byte."""
    path = _path(place, client)
    if not installed(place, client):
        return
    now, kept = path.read_bytes(), _kept(place, client)
    if (kept / "after").exists() and (kept / "after").read_bytes() == now:
        before = (kept / "before").read_bytes()
    else:
        settings = _parse(now, path)
        _remove(settings, client)
        text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
        before = text.encode() if settings else b""
    if before:
        path.write_bytes(before)
    else:
        path.unlink()


def installed(place: Place, client: str) -> list[str]:
    """The commands of ours in a client's settings."""
    path = _path(place, client)
    if not path.exists():
        return []
    hooks = _parse(path.read_bytes(), path).get("hooks", {})
    return [
        c for groups in hooks.values() for g in groups for c in _commands(g) if _ours(c, client)
    ]


def wanted(client: str) -> dict[str, Any]:
    """A client's template with the program filled in. The command never changes with a version:
    Codex trusts a hook by its text."""
    text = (templates() / "agents" / f"{client}.json").read_text(encoding="utf-8")
    found = json.loads(text.replace("@PROGRAM@", json.dumps(shlex.quote(program()))[1:-1]))
    assert isinstance(found, dict)
    return found


def _path(place: Place, client: str) -> Path:
    if client not in FILES:
        raise ArError(f"there is no agent {client!r}", f"one of: {', '.join(FILES)}")
    if place.work is None:
        raise ArError("a bare repository has no settings for agents", "use a clone")
    top = place.work
    if client == "codex" and place.git_dir != place.common:
        top = place.common.parent  # Codex reads a linked worktree's hooks from the main one
    return top / FILES[client]


def _parse(data: bytes, path: Path) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        found = json.loads(data)
    except ValueError as error:
        raise ArError(f"{path} is not JSON: {error}", "mend it, or move it away") from None
    if not isinstance(found, dict) or not isinstance(found.get("hooks", {}), dict):
        raise ArError(f"{path} has an unexpected form", "its hooks must be an object")
    return found


def _commands(group: object) -> list[str]:
    hooks = group.get("hooks", []) if isinstance(group, dict) else []
    return [str(h.get("command", "")) for h in hooks if isinstance(h, dict)]


def _ours(command: str, client: str) -> bool:
    return f" hook --client {client} " in command


def _remove(settings: dict[str, Any], client: str) -> None:
    hooks = settings.get("hooks", {})
    for event in list(hooks):
        ours = [g for g in hooks[event] if any(_ours(c, client) for c in _commands(g))]
        hooks[event] = [group for group in hooks[event] if group not in ours]
        if ours and not hooks[event]:
            del hooks[event]
    if "hooks" in settings and not hooks:
        del settings["hooks"]


def _kept(place: Place, client: str) -> Path:
    return place.private / "settings" / client


def _remember(place: Place, client: str, before: bytes, after: str) -> None:
    kept = _kept(place, client)
    kept.mkdir(parents=True, exist_ok=True)
    old = kept / "after"
    if not (old.exists() and old.read_bytes() == before):  # an update keeps the first original
        (kept / "before").write_bytes(before)
    old.write_text(after, encoding="utf-8")
