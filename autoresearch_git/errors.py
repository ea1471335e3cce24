"""Errors that a user can cure: each carries a message and, where there is one, a hint."""

from __future__ import annotations


class ArError(Exception):
    """The user's (or the machine's) mistake: exit status 1, `message` and `hint` are shown."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class NotARepositoryError(ArError):
    """The current folder is in no git repository that git ar can use."""


class ContractError(ArError):
    """autoresearch.toml is missing, or says something that cannot be followed."""


class RecordError(ArError):
    """A line on stdin or in the trail is not a record that this version can read."""


class UnknownExperimentError(ArError):
    """The named commit is no experiment, or there is no such commit."""


class DuplicateError(ArError):
    """The proposed tree was already tried; `commit` is the experiment that tried it."""

    def __init__(self, message: str, commit: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.commit = commit


class NoBaselineError(ArError):
    """Nothing was decided in this class yet that a result could be compared with."""


class NoProposalError(ArError):
    """An agent was asked for a change and gave nothing to try; recorded, with what it cost."""


class BusyError(ArError):
    """Somebody else is doing it right now."""


class GitError(ArError):
    """git refused; the message holds what it said."""


class RefChangedError(GitError):
    """A ref was not where the compare-and-swap expected it. Worth another try."""


class HarnessError(ArError):
    """The machinery around an experiment failed (disk, GPU, transport): never a result."""
