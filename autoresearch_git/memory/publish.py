"""Publish the views: what plain git shows, put where people without git ar can fetch it."""

from __future__ import annotations

from autoresearch_git import refs
from autoresearch_git.git import remote
from autoresearch_git.memory.store import Memory

# Forced, since views are made anew and never merged; stale elites and tags are taken away there.
VIEWS = (
    f"+{refs.NOTES}:{refs.NOTES}",
    f"+{refs.ELITES}*:{refs.ELITES}*",
    f"+{refs.NEAR_MISSES}*:{refs.NEAR_MISSES}*",
)


def publish(memory: Memory, wanted: str = "") -> None:
    """Make notes, elites and near-miss tags of a remote what they are here.

    They follow from the trail, so whoever publishes last wins and nothing is lost.
    """
    name = remote.choose(memory.place, wanted)
    remote.mirror(memory.place, name, [spec for spec in VIEWS if memory.repo.refs(_prefix(spec))])


def _prefix(spec: str) -> str:
    return spec[1:].partition(":")[0].rstrip("*")
