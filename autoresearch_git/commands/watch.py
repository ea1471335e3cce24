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
from autoresearch_git.look.numbers import estimate
from autoresearch_git.look.query import best_before
from autoresearch_git.look.status import status
from autoresearch_git.look.style import Style
from autoresearch_git.memory.store import Memory

RECENT = 200  # experiments behind the sparkline
LOW = 28  # rows of a terminal below which the verdicts are more important than the emitters
ROWS = 40  # of a frame where no terminal has a height


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
    if once or not sys.stdout.isatty():
        style = Style.of()
        for line in _frame(memory, klass, style, shutil.get_terminal_size((80, ROWS)).lines):
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
    before = best_before(memory.index, now.klass, recent[0].seq) if recent else None
    start = estimate(before.review) if before else None
    shown = replace(now, flights=())  # they have lines of their own below
    head = render(shown if height >= LOW else replace(shown, emitters={}), style)
    return frame(head, now, logs, recent if now.klass else [], start, style, height)


def _log(memory: Memory, run: str) -> Path:
    return memory.place.private / "logs" / f"{run}.log"


def _live(frames: Iterator[str]) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    # A redirected stdout would be no terminal any more: no colours, no width, no Unicode.
    live = Live(
        console=Console(),
        screen=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with live:
        for text in frames:
            live.update(Text.from_ansi(text, no_wrap=True, overflow="crop"), refresh=True)
