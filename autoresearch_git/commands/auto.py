"""git ar auto: whether an agent that wants to stop is sent on."""

from __future__ import annotations

import time

import click

from autoresearch_git.hooks import auto, session
from autoresearch_git.memory.store import Memory


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Let a coding agent's session go on by itself, within budgets.

    Only this command switches it, never words in a prompt. It ends at its budgets, after three
    turns without a new fact on the trail, and it waits while a run is in flight.

    \b
    git ar auto on --runs 20 --hours 8
    git ar auto off
    """


@command.command("on")
@click.option("--runs", type=click.IntRange(1), help="Experiments until it ends.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), help="Hours until it ends.")
@click.option("--turns", type=click.IntRange(1), default=auto.TURNS, show_default=True)
def on(runs: int | None, hours: float | None, turns: int) -> None:
    """Switch it on with fresh budgets."""
    memory = Memory.open()
    auto.switch_on(memory.place.private, session.facts(memory).decided, runs, hours, turns)
    click.echo(_text(memory))


@command.command("off")
def off() -> None:
    """Switch it off: the next stop of an agent is a stop."""
    memory = Memory.open()
    auto.write(memory.place.private, auto.Auto())
    click.echo("off")


@command.command("status")
def status() -> None:
    """The switch, and what is left of its budgets."""
    click.echo(_text(Memory.open()))


def _text(memory: Memory) -> str:
    now = auto.read(memory.place.private)
    if not now.on:
        return "off"
    done = session.facts(memory).decided - now.base
    parts = [f"on: {done} of {now.runs} experiments" if now.runs else f"on: {done} experiments"]
    parts.append(f"turn {now.sent} of {now.turns}")
    if now.until:
        parts.append(f"{max(0.0, now.until - time.time()) / 3600:.1f} h left")
    return ", ".join(parts)
