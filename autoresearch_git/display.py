"""Runs in flight, live on a terminal (one row a run) or as a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from autoresearch_git.output import talk

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from autoresearch_git.backends.base import Update

EVERY = 30.0  # seconds between two lines of one run when stderr is no terminal


class Display:
    """Shows updates of any number of runs; safe to call from any thread."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self.progress: Progress | None = None
        self.rows: dict[str, TaskID] = {}
        self.spoken: dict[str, float] = {}
        self.lock = threading.Lock()

    def __enter__(self) -> Display:
        if self.live:
            self.progress = _progress()
            self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.progress:
            self.progress.stop()

    def begin(self, key: str, title: str) -> None:
        """A run is about to start."""
        with self.lock:
            if self.progress:
                self.rows[key] = self.progress.add_task(_plain(title), total=1.0, facts="starting")
            else:
                self.spoken[key] = time.monotonic()
                talk(f"run {title}")

    def update(self, key: str, update: Update) -> None:
        """What a run printed last."""
        with self.lock:
            facts = facts_of(update)
            if self.progress and key in self.rows:
                self.progress.update(self.rows[key], completed=update.share or 0.0, facts=facts)
            elif facts and time.monotonic() - self.spoken.get(key, 0.0) > EVERY:
                self.spoken[key] = time.monotonic()
                talk(f"  {key[:9]} {update.share or 0:4.0%} {facts}")

    def end(self, key: str, line: str) -> None:
        """A run is over; the line says how."""
        with self.lock:
            if self.progress and key in self.rows:
                self.progress.remove_task(self.rows.pop(key))
            self.say(line)

    def say(self, line: str) -> None:
        """A line for people, above the live rows."""
        if self.progress:
            self.progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            talk(line)


def facts_of(update: Update) -> str:
    """Loss, speed and time left, as far as the program prints them."""
    parts = []
    if update.loss is not None:
        parts.append(f"loss {update.loss:.4f}")
    if update.tokens_per_second is not None:
        parts.append(f"{update.tokens_per_second / 1000:,.1f}k tok/s")
    if update.mfu:
        parts.append(f"MFU {update.mfu:.0%}")
    if update.remaining is not None:
        parts.append(f"{update.remaining:.0f} s left")
    return "  ".join(parts)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn

    columns: list[Any] = [
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TaskProgressColumn(),
        TextColumn("{task.fields[facts]}", markup=False),
    ]
    return Progress(*columns, console=Console(stderr=True), refresh_per_second=8, transient=True)


def _plain(title: str) -> str:
    return title if len(title) <= 48 else title[:47] + "…"
