"""Propose by a coding agent: asked once, in a private folder; the driver checks and commits.

The agent needs no write access to `.git` and gets none. What it gives is an experiment like any
other, or else one recorded non-proposal that says what it cost and why it came to nothing.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoresearch_git import config
from autoresearch_git.agent import checkout, choice, presets, prompt
from autoresearch_git.agent.call import Call, Limits, call
from autoresearch_git.agent.prompt import Answer, Order
from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError, DuplicateError, NoProposalError
from autoresearch_git.history import History
from autoresearch_git.records import Event, Experiment, Plan
from autoresearch_git.research import Research
from autoresearch_git.search import archive, scheduler
from autoresearch_git.search.phase import phase
from autoresearch_git.stages.propose import commit, targets
from autoresearch_git.stages.propose import propose as first

REMEMBERED = 200  # experiments and non-proposals that the choice of an agent looks at


@dataclass(frozen=True)
class Result:
    """What came back: how the call ended, and what is in the folder now."""

    call: Call
    files: dict[str, str]
    changed: list[str]


def propose(
    research: Research, klass: str, rng: random.Random, names: Sequence[str] = ()
) -> Experiment:
    """Ask one agent for one experiment; NoProposalError when it gave nothing to try."""
    research.reload()
    names = tuple(names) or configured(research)
    history = research.history(klass)
    if history.baseline is None and research.memory.experiment(research.tip) is None:
        return first(research, klass, rng)  # the untouched files, as for every proposer
    order = _order(research, history, rng)
    name = _choose(research, names, rng)
    limits = _limits(research, names)
    diff = _diff(research, order.parent)
    text = prompt.write(research.contract, history, order, diff)
    result, about = _ask(research, order, name, text, limits)
    said = prompt.answer(result.call.usage.text)
    plan = _plan(research, order, said, about, result)
    try:
        _check(research, result)
        return commit(research, plan, (order.parent.commit,), result.files)
    except (NoProposalError, DuplicateError) as error:
        reason = f"{name}: {error.message}"
        event = Event(
            kind="non-proposal", contract=research.contract_id, plan=plan, remark=clean(reason)
        )
        research.memory.append(event)
        raise NoProposalError(reason, error.hint) from None


def configured(research: Research) -> tuple[str, ...]:
    """The agents of `ar.agent` (names, by commas), or the one of `ar.agent.command`."""
    names = tuple(n.strip() for n in research.setting("agent").split(",") if n.strip())
    if names:
        return names
    if research.setting("agent.command"):
        return ("custom",)
    raise ArError("no agent is configured", "git config ar.agent codex, or name it: --agent codex")


def _order(research: Research, history: History, rng: random.Random) -> Order:
    now = phase(history)
    if history.baseline is None:
        return Order(now, "", Experiment(commit=research.tip))
    emitter = scheduler.order(history, now, rng)[0]
    home = archive.home(history) or history.baseline
    parent = archive.parent(history, rng) if now == "explore" else home
    return Order(now, emitter, parent)


def _choose(research: Research, names: Sequence[str], rng: random.Random) -> str:
    if len(names) == 1:
        return names[0]
    index = research.memory.index
    tried = index.select("emitter = 'agent' ORDER BY seq DESC LIMIT ?", REMEMBERED)
    nothing = index.events("non-proposal", REMEMBERED)
    return choice.choose(choice.records(names, tried, nothing), rng)


def _limits(research: Research, names: Sequence[str]) -> Limits:
    """Of one call; the budget of the whole research is checked here, before money is spent."""
    total = research.setting("agent.budget")
    if total:
        spent = _spent(research)
        if spent >= float(total):
            about = f"agents have cost {spent:.2f} of {float(total):.2f} dollars"
            raise ArError(about, "raise it: git config ar.agent.budget DOLLARS")
    tokens, usd = research.setting("agent.tokens"), research.setting("agent.usd")
    return Limits(
        seconds=config.seconds(research.setting("agent.timeout", "10m")),
        tokens=int(tokens) if tokens else None,
        usd=float(usd) if usd else None,
    )


def _spent(research: Research) -> float:
    index = research.memory.index
    plans = [e.plan for e in index.select("emitter = 'agent'")]
    plans += [e.plan for e in index.events("non-proposal", 1_000_000)]
    return sum(float(plan.agent.get("usd", 0.0)) for plan in plans if plan)


def _ask(
    research: Research, order: Order, name: str, text: str, limits: Limits
) -> tuple[Result, dict[str, Any]]:
    command = research.setting("agent.command")
    preset = presets.find(name, command, research.setting("agent.secrets"))
    model = research.setting(f"agent.{name}.model") or research.setting("agent.model")
    wanted = research.contract.target
    with (
        checkout.private(research.repo, order.parent.commit) as folder,
        tempfile.TemporaryDirectory(prefix="git-ar-prompt-") as beside,
    ):
        order_file, out = Path(beside) / "prompt.txt", Path(beside) / "out.json"
        order_file.write_text(text, encoding="utf-8")
        values = {
            "prompt": text,
            "folder": str(folder),
            "model": model,
            "usd": f"{limits.usd:g}" if limits.usd else "",
            "out": str(out),
            "target": wanted[0],
        }
        before = checkout.stamps(folder)
        extra = {"GIT_AR_PROMPT_FILE": str(order_file)}
        words = presets.argv(preset, values)
        done = call(words, folder, preset.output, limits, preset.secrets, extra, out)
        files = {path: _read(folder / path) for path in wanted}
        result = Result(done, files, checkout.changed(folder, before))
    about: dict[str, Any] = {
        "name": name,
        "command": os.path.basename(words[0]),
        "model": clean(done.usage.model or model, 80),
        "prompt": hashlib.sha256(text.encode()).hexdigest()[:16],
        "way": order.emitter,
        "ended": done.ended,
        "seconds": round(done.seconds, 3),
        "tokens_in": done.usage.sent,
        "tokens_out": done.usage.received,
        "usd": round(done.usage.usd, 6),
        "session": clean(done.usage.session, 80),
    }
    return result, {key: value for key, value in about.items() if value not in ("", 0, 0.0)}


def _read(path: Path) -> str:
    try:
        if path.is_symlink():
            return ""
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _plan(
    research: Research, order: Order, said: Answer, about: dict[str, Any], result: Result
) -> Plan:
    old = targets(research, order.parent.commit)
    lines = [li for li in prompt.diff_of(old, result.files) if li.startswith(("+", "-"))]
    change = said.change or clean(" ".join(lines[:2]), 100) or "nothing"
    return Plan(
        emitter="agent",
        phase=order.phase,
        change=change,
        parent=order.parent.commit,
        hypothesis=said.hypothesis,
        expected=said.expected,
        builds_on=(order.parent.commit,),
        agent=about,
    )


def _check(research: Research, result: Result) -> None:
    """Only target files changed, they did change, and they compile."""
    wanted, done = research.contract.target, result.call
    if done.ended != "ok":
        why = {
            "timeout": "it took too long",
            "tokens": "it used too many tokens",
            "usd": "it cost too much",
            "missing": "it could not be started",
        }.get(done.ended, f"it ended with status {done.exit}")
        raise NoProposalError(f"{why} {clean(done.said[-300:], 160)}".rstrip())
    outside = [path for path in result.changed if path not in wanted]
    if outside:
        raise NoProposalError(f"it changed {', '.join(clean(p, 60) for p in outside[:3])} too")
    if not result.changed:
        raise NoProposalError("it changed nothing")
    for path in wanted:
        text = result.files[path]
        if not text.strip():
            raise NoProposalError(f"it left {path} empty or unreadable")
        if path.endswith(".py"):
            _compile(path, text)


def _compile(path: str, text: str) -> None:
    try:
        compile(text, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise NoProposalError(f"{path} does not compile: {clean(str(error), 120)}") from None


def _diff(research: Research, parent: Experiment) -> list[str]:
    """What the parent itself had changed."""
    if not parent.plan or not parent.plan.parent:
        return []
    old = targets(research, parent.plan.parent)
    return prompt.diff_of(old, targets(research, parent.commit))
