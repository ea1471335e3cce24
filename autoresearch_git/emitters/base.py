"""What an emitter is given, what it gives back, and the one method that it has."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from autoresearch_git.history import History
from autoresearch_git.records import Edit, Experiment
from autoresearch_git.search.insight import Insight

Files = Mapping[str, str]  # path -> text of the target files


@dataclass(frozen=True)
class Context:
    """All that an emitter may look at. Reading other commits costs a git lookup each."""

    history: History
    phase: str
    parent: Experiment  # what the change starts from
    files: Files  # the parent's target files
    rng: random.Random
    read: Callable[[str], Files]  # the target files of any commit
    merge: Callable[[str, str], Files | None]  # three-way merge of two commits; None on conflict
    tried: Callable[[Files], str | None]  # the experiment that already tried exactly this

    @cached_property
    def insight(self) -> Insight:
        """The parent's knobs, all past settings, and the numeric model: made when first asked."""
        return Insight(self.history, self.parent, self.files)


@dataclass(frozen=True)
class Proposal:
    """One idea, ready to become a commit."""

    files: Files  # the changed target files
    change: str  # in one line, becomes the subject: "MATRIX_LR 0.04 -> 0.03"
    hypothesis: str
    expected: float | None = None  # expected change of the metric, in its own unit and sign
    parents: tuple[str, ...] = ()  # of the commit; empty means the context's parent
    builds_on: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    replicate: str = ""  # the experiment to run again with another seed, instead of a new commit
    notes: Mapping[str, str] = field(default_factory=dict)


class Emitter(Protocol):
    """A style of mutation. A module with this function is an emitter."""

    def propose(self, context: Context) -> Proposal | None:
        """One new idea, or None when this emitter has none here."""
        ...
