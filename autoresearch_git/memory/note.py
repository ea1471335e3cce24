"""The readable note of an experiment."""

from __future__ import annotations

from autoresearch_git.records import Experiment
from autoresearch_git.review.note import render as _render


def render(experiment: Experiment) -> str:
    """The text of its note."""
    return _render(experiment, True)


def tag(experiment: Experiment) -> str:
    """The message of its near-miss tag."""
    return _render(experiment, True)
