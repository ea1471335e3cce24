"""One frame of `git ar watch`: status, runs in flight with their progress, the last verdicts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from autoresearch_git.clean import clean
from autoresearch_git.look.numbers import duration
from autoresearch_git.look.rows import frontier_line, rows
from autoresearch_git.look.status import Flight, Status
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import crop
from autoresearch_git.records import Experiment
from autoresearch_git.review.progress import Progress, progress

TAIL = 8192  # bytes of a log that are read for its newest progress


def frame(
    head: Sequence[str],
    status: Status,
    logs: dict[str, Path],
    recent: Sequence[Experiment],
    before: float | None,
    style: Style,
    height: int,
) -> list[str]:
    """The lines, at most `height`; `head` is the status screen, `logs` maps commit to log file.

    `before` is the best of what came before the `recent` ones.
    """
    flights = [line for each in status.flights for line in flight(each, logs, style)]
    tail = [frontier_line(recent, style, before), ""]
    room = max(0, height - len(head) - len(flights) - len(tail) - 3)
    last = [each for each in recent if each.decision][-room:] if room else []
    lines = [*head, "", *flights, *filter(None, tail), "", *(rows(last, style) if last else [])]
    return [crop(line, style.width) for line in lines][:height]


def flight(each: Flight, logs: dict[str, Path], style: Style) -> list[str]:
    """A run in flight: how far it is as a bar, and the newest thing that it said."""
    found = _newest(logs.get(each.commit))
    share = found.share if found and found.share is not None else None
    full, empty = ("█", "░") if style.unicode else ("#", ".")
    cells = 20 if style.width >= 60 else 8
    filled = round(cells * min(max(share or 0.0, 0.0), 1.0))
    percent = f"{share:4.0%}" if share is not None else "   -"
    bar = style.paint(full * filled, "bright_blue") + empty * (cells - filled)
    loss = f" loss {found.loss:.4f}" if found and found.loss is not None else ""
    since = duration(max(0.0, time.time() - each.since))
    about = f"{each.commit[:9]} {bar} {percent}{loss} {since} on {clean(each.host, 24)}"
    return [about, f"          {clean(each.change, 120)}"]


def _newest(path: Path | None) -> Progress | None:
    """The newest progress in a log that is being written, None if this machine has none."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL))
            data = file.read()
    except OSError:
        return None
    parts = data.replace(b"\r", b"\n").split(b"\n")
    # After training come other lines, so not only the last one is looked at.
    return next((found for part in reversed(parts) if (found := progress(part))), None)
