"""The readable note of an experiment."""

from __future__ import annotations

from autoresearch_git.records import Experiment


def render(experiment: Experiment) -> str:
    """The text of its note."""
    return f"{experiment.verdict}\n"


def tag(experiment: Experiment) -> str:
    """The message of its near-miss tag."""
    return f"{experiment.verdict}\n"
