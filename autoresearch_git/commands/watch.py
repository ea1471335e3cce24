"""git ar watch: the running loop, live."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from msgspec.structs import replace

from autoresearch_git.commands.status import render
from autoresearch_git.look.filters import Filter
from autoresearch_git.look.frame import frame
from autoresearch_git.look.status import status
from autoresearch_git.look.style import Style
from autoresearch_git.memory.store import Memory

RECENT = 200  # experiments behind the sparkline


@click.command()
@click.option("--every", default=1.0, type=click.FloatRange(0.2, 3600), help="Seconds (1).")
@click.option("--once", is_flag=True, help="Print one frame and end.")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
def command(every: float, once: bool, klass: str) -> None:
    """The loop, live: runs in flight, verdicts as they come, the frontier.

    It reads the repository alone, so it follows a loop in another terminal, in tmux or over ssh;
    runs of other machines are seen after git ar sync. Ctrl-C ends it, and nothing else.

    \b
    git ar watch
    ssh box git -C lab ar watch --once
    """
    memory = Memory.open()
    style = Style.of()
    if once or not sys.stdout.isatty():
        for line in _frame(memory, klass, style, 200):
            style.echo(line)
        return
    try:
        _live(_frames(memory, klass, every))
    except KeyboardInterrupt:
        return


def _frames(memory: Memory, klass: str, every: float) -> Iterator[str]:
    while True:
        memory.refresh()
        style = Style.of()  # the window may have another size by now
        height = shutil.get_terminal_size().lines - 1
        yield "\n".join(style.plain(line) for line in _frame(memory, klass, style, height))
        time.sleep(every)


def _frame(memory: Memory, klass: str, style: Style, height: int) -> list[str]:
    now = status(memory, klass)
    logs = {
        each.commit: _log(memory, each.lease.run)
        for each in memory.index.select("decided = 0 AND verdict = 'running' LIMIT 50")
        if each.lease
    }
    recent = list(islice(Filter(klass=now.klass).newest(memory.index), RECENT))[::-1]
    head = render(replace(now, flights=()), style)  # they have lines of their own below
    return frame(head, now, logs, recent if now.klass else [], style, height)


def _log(memory: Memory, run: str) -> Path:
    return memory.place.private / "logs" / f"{run}.log"


def _live(frames: Iterator[str]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(), screen=True, auto_refresh=False) as live:
        for text in frames:
            live.update(Text.from_ansi(text, no_wrap=True, overflow="crop"), refresh=True)
