"""What an agent's output says of its cost and its answer, each in its own format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

_AIDER = re.compile(r"Tokens: ([\d.]+)(k?) sent, ([\d.]+)(k?) received\.(?: Cost: \$([\d.]+))?")


@dataclass(frozen=True)
class Usage:
    """Tokens and US dollars as the agent reports them (0 where it says nothing), and its answer."""

    sent: int = 0
    received: int = 0
    usd: float = 0.0
    session: str = ""
    model: str = ""
    text: str = ""

    @property
    def tokens(self) -> int:
        return self.sent + self.received


def read(output: str, stdout: str, trajectory: str = "") -> Usage:
    """The usage in what an agent printed; what cannot be read counts as nothing said."""
    try:
        return READERS[output](stdout, trajectory)
    except (ValueError, TypeError, AttributeError, KeyError):
        return Usage(text=stdout[-4000:])


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _codex(stdout: str, _trajectory: str) -> Usage:
    usage = Usage()
    for each in _objects(stdout):
        item = each.get("item") or {}
        if each.get("type") == "thread.started":
            usage = replace(usage, session=str(each.get("thread_id", "")))
        elif each.get("type") == "item.completed" and item.get("type") == "agent_message":
            usage = replace(usage, text=str(item.get("text", "")))
        elif each.get("type") == "turn.completed":
            said = each.get("usage") or {}
            usage = replace(
                usage,
                sent=usage.sent + int(said.get("input_tokens", 0)),
                received=usage.received + int(said.get("output_tokens", 0)),
            )
    return usage


def _claude(stdout: str, _trajectory: str) -> Usage:
    found = json.loads(stdout)
    said = found.get("usage") or {}
    return Usage(
        sent=int(said.get("input_tokens", 0)) + int(said.get("cache_read_input_tokens", 0)),
        received=int(said.get("output_tokens", 0)),
        usd=float(found.get("total_cost_usd") or 0.0),
        session=str(found.get("session_id", "")),
        model=next(iter(found.get("modelUsage") or {}), ""),
        text=str(found.get("result", "")),
    )


def _gemini(stdout: str, _trajectory: str) -> Usage:
    found = json.loads(stdout[stdout.index("{") :])
    models = (found.get("stats") or {}).get("models") or {}
    tokens = [each.get("tokens") or {} for each in models.values()]
    sent = sum(int(t.get("prompt", t.get("input", 0))) for t in tokens)
    total = sum(int(t.get("total", 0)) for t in tokens)
    return Usage(
        sent=sent,
        received=max(0, total - sent),
        session=str(found.get("session_id", "")),
        model=next(iter(models), ""),
        text=str(found.get("response", "")),
    )


def _opencode(stdout: str, _trajectory: str) -> Usage:
    usage = Usage()
    for each in _objects(stdout):
        part = each.get("part") or each
        if each.get("type") == "text":
            usage = replace(usage, text=str(part.get("text", "")))
        elif each.get("type") == "step_finish":
            said = part.get("tokens") or {}
            usage = replace(
                usage,
                sent=usage.sent + int(said.get("input", 0)),
                received=usage.received + int(said.get("output", 0)),
                usd=usage.usd + float(part.get("cost") or 0.0),
            )
        usage = replace(usage, session=str(each.get("sessionID") or usage.session))
    return usage


def _aider(stdout: str, _trajectory: str) -> Usage:
    usage = Usage(text=stdout[-4000:])
    for sent, k, received, kk, usd in _AIDER.findall(stdout):
        usage = replace(
            usage,
            sent=usage.sent + int(float(sent) * (1000 if k else 1)),
            received=usage.received + int(float(received) * (1000 if kk else 1)),
            usd=usage.usd + float(usd or 0),
        )
    return usage


def _mini(stdout: str, trajectory: str) -> Usage:
    info = json.loads(trajectory)["info"]
    usd = float((info.get("model_stats") or {}).get("instance_cost") or 0.0)
    return Usage(usd=usd, text=str(info.get("submission") or stdout[-4000:]))


def _text(stdout: str, _trajectory: str) -> Usage:
    return Usage(text=stdout[-4000:])


READERS: dict[str, Callable[[str, str], Usage]] = {
    "codex": _codex,
    "claude": _claude,
    "gemini": _gemini,
    "opencode": _opencode,
    "aider": _aider,
    "mini": _mini,
    "text": _text,
}
