"""Replies to an agent's session: where the research stands, reviews of runs, whether to go on."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from autoresearch_git.agent import brief
from autoresearch_git.errors import ArError
from autoresearch_git.git.lock import writing
from autoresearch_git.hooks import auto, policy, queue
from autoresearch_git.hooks.guard import Guard
from autoresearch_git.hooks.payload import Payload
from autoresearch_git.memory.store import Memory
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import class_here

SEEN = "seen"  # touched when a client's hook really fired; doctor looks at it
TOLD = "told"  # the newest review that an agent was told of
LATEST = 3  # reviews that one reply tells


def reply(payload: Payload, guard: Guard) -> tuple[str, str]:
    """(context for the agent, reason to refuse); either may be ""."""
    private = Path(guard.private)
    if payload.kind == "SessionStart":
        _mark(private / f"{SEEN}-{payload.client}", f"{time.time():.0f}")
        _mark(private / TOLD, str(_newest(Memory.open(guard.top))))
        research = Research.open(guard.top)
        return brief.session(research, class_here(research)), ""
    if payload.kind == "UserPromptSubmit":
        return brief.one_line(Memory.open(guard.top)), ""
    if payload.kind == "Stop":
        return "", _stop(payload, guard, private)
    return _after(payload, guard, private), ""


def _after(payload: Payload, guard: Guard, private: Path) -> str:
    """Reviews since the last reply, after a command that may have run or committed something."""
    if queue.pending(private):
        queue.start_worker(private)  # a sandbox may have killed the one that the commit started
    memory = Memory.open(guard.top)
    newest, told = _newest(memory), _number(private / TOLD)
    if newest > told:
        _mark(private / TOLD, str(newest))
        where = "oid IN (SELECT experiment FROM events WHERE kind = 'review' AND seq > ?)"
        found = memory.index.select(f"{where} ORDER BY seq DESC LIMIT ?", told, LATEST)
        return brief.reviews(found[::-1])
    if policy.trains(payload.command, payload.folder, guard):
        return (
            "git ar: that run of the target was not recorded. git ar propose --from-worktree makes "
            "an experiment of your edit; git ar run runs and records it."
        )
    return ""


def _stop(payload: Payload, guard: Guard, private: Path) -> str:
    if not auto.read(private).on:
        return ""
    if payload.data.get("background_tasks"):
        return ""  # Claude Code says what is still running
    try:
        memory = Memory.open(guard.top)
        with writing(memory.place, "auto.lock"):
            before = auto.read(private)
            after, reason = auto.decide(before, facts(memory))
            if after != before:
                auto.write(private, after)
    except (ArError, OSError):
        return ""  # our own state is broken: never a reason to keep a session going
    return reason


def facts(memory: Memory) -> auto.Facts:
    """What the decision at a stop looks at."""
    index = memory.index
    decided = index.db.execute(
        "SELECT count(*) FROM experiments WHERE decided > 0 AND latest = 1"
    ).fetchone()[0]
    running = index.select("decided = 0 AND verdict = 'running'")
    live = any(e.lease and e.lease.until > time.time() for e in running)
    live = live or queue.working(memory.place.private)
    return auto.Facts(int(decided), index.meta("tip"), live, time.time())


def _newest(memory: Memory) -> int:
    found = memory.index.db.execute("SELECT max(seq) FROM events WHERE kind = 'review'").fetchone()
    return int(found[0] or 0)


def _number(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _mark(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):  # a sandbox: the repository may be read-only
        path.write_text(text + "\n", encoding="utf-8")
