"""Whether an agent that wants to stop is sent on: a switch, budgets, and a test for progress.

The switch is a file under the git directory that only `git ar auto` writes, so neither a prompt
nor a file in the working tree turns it on. No client bounds such a loop itself (Codex and Gemini
not at all), so every bound is here.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

IDLE = 3  # turns in a row without a new fact on the trail that end the loop
TURNS = 50
FILE = "auto.json"


@dataclass(frozen=True)
class Auto:
    """The switch and what was used of its budgets; runs and turns count from `on`."""

    on: bool = False
    runs: int | None = None  # experiments decided since it was switched on
    until: float | None = None  # seconds since 1970
    turns: int = TURNS  # times that an agent is sent on
    base: int = 0  # decided experiments when it was switched on
    sent: int = 0
    idle: int = 0
    tip: str = "-"  # of the trail when an agent was last sent on


@dataclass(frozen=True)
class Facts:
    """What the decision looks at besides the switch."""

    decided: int
    tip: str
    live: bool  # a run, or work of the queue, is in flight
    now: float


def decide(auto: Auto, facts: Facts) -> tuple[Auto, str]:
    """The switch afterwards, and what the agent is told ("" lets it stop)."""
    if not auto.on:
        return auto, ""
    done = facts.decided - auto.base
    spent = auto.runs is not None and done >= auto.runs
    late = auto.until is not None and facts.now >= auto.until
    if spent or late or auto.sent >= auto.turns:
        return replace(auto, on=False), ""
    if facts.live:
        return auto, ""  # its result comes back by itself; a second run would spoil both
    idle = auto.idle + 1 if facts.tip == auto.tip else 0
    if idle >= IDLE:
        return replace(auto, on=False, idle=idle), ""
    after = replace(auto, sent=auto.sent + 1, idle=idle, tip=facts.tip)
    of = f" of {auto.runs}" if auto.runs is not None else ""
    return after, (
        f"git ar auto is on: {done}{of} experiments done, turn {after.sent} of {auto.turns}. "
        "Go on with one more: edit the target file, then use git ar propose --from-worktree with "
        "your idea, git ar run, git ar review and git ar select. "
        "A person ends this with git ar auto off."
    )


def read(private: Path) -> Auto:
    """The switch as it stands; off when there is none, or when it cannot be read."""
    try:
        return Auto(**json.loads((private / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Auto()


def write(private: Path, auto: Auto) -> None:
    private.mkdir(exist_ok=True)
    partial = private / f"{FILE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(auto)) + "\n", encoding="utf-8")
    partial.replace(private / FILE)


def switch_on(
    private: Path, decided: int, runs: int | None, hours: float | None, turns: int
) -> Auto:
    """Switch the loop on, with fresh budgets."""
    until = time.time() + hours * 3600 if hours else None
    auto = Auto(on=True, runs=runs, until=until, turns=turns, base=decided)
    write(private, auto)
    return auto
