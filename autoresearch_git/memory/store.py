"""The memory: one place to append events and to ask what is known.

Reading touches neither libgit2 nor the lock as long as the index is at the trail's tip. Whatever
a kill, a fetch or a person's hand left behind is mended on the next opening.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autoresearch_git.git import locate
from autoresearch_git.memory.index import Index, Line
from autoresearch_git.records import Event, Experiment
from autoresearch_git.refs import NOTES, TRAIL

if TYPE_CHECKING:
    from autoresearch_git.git.repo import Repo


class Memory:
    """The research memory of one repository, open for reading and writing."""

    def __init__(self, place: locate.Place) -> None:
        self.place = place
        self.notices: list[str] = []  # what was mended, for people

    @classmethod
    def open(cls, folder: Path | str = ".") -> Memory:
        """The memory of the repository around a folder, brought up to date."""
        memory = cls(locate.find(folder))
        memory.refresh()
        return memory

    @cached_property
    def repo(self) -> Repo:
        from autoresearch_git.git.repo import Repo

        return Repo(self.place)

    @cached_property
    def index(self) -> Index:
        return Index.open(self.place.private / "index.sqlite")

    def refresh(self) -> None:
        """Take in what others added to the trail since the last look; mend damaged views."""
        tip, notes = locate.read_ref(self.place, TRAIL), locate.read_ref(self.place, NOTES)
        if (tip, notes) == (self.index.meta("tip"), self.index.meta("notes")):
            return
        if self.index.path == ":memory:":
            self._take_in(tip)  # a repository that we cannot write to: no lock, no views
            return
        from autoresearch_git.git.lock import writing

        with writing(self.place):
            self._take_in(self.repo.ref(TRAIL))

    def append(
        self, *drafts: Event, log: bytes = b"", check: Callable[[], None] | None = None
    ) -> list[Event]:
        """Record events, safely, and bring the views up to date; the log is the last event's.

        `check` is called under the lock, with everything up to date, and may refuse by raising.
        """
        from autoresearch_git.git.lock import writing
        from autoresearch_git.memory import trail

        with writing(self.place):
            self._take_in(self.repo.ref(TRAIL))
            if check:
                check()
            entries = trail.append(self.repo, drafts, log)
            self._take_in(entries[-1].oid)
        return [entry.event for entry in entries]

    def experiment(self, commit: str) -> Experiment | None:
        """All that is known of a commit, None if it is no experiment."""
        return self.index.experiment(commit)

    def log(self, commit: str) -> bytes:
        """The log of an experiment's latest run that kept one, b"" if there is none."""
        from autoresearch_git.memory import trail

        for oid, kind, _ in reversed(self.index.trail_of(commit)):
            if kind == "run" and (text := trail.log(self.repo, oid)):
                return text
        return b""

    def _take_in(self, tip: str) -> None:
        from autoresearch_git.memory import trail, views

        index, old = self.index, self.index.meta("tip")
        if old and (not self.repo.has(old) or any(trail.walk(self.repo, old, tip))):
            self.notices.append("the trail was moved by hand: the index was rebuilt from it")
            index = self._start_over()
            old = ""
        with index.transaction():
            entries = list(trail.walk(self.repo, tip, old))
            changed = index.add(Line(e.oid, e.event, e.line) for e in entries)
            decisions = [e.event.decision for e in reversed(entries) if e.event.decision]
            if (
                tip
                and index.path != ":memory:"
                and views.update(self.repo, index, tip, changed, decisions)
            ):
                self.notices.append(f"{NOTES} was changed outside git ar: rebuilt")
            index.set_meta("tip", tip)

    def _start_over(self) -> Index:
        self.index.set_meta("version", "0")
        self.index.close()
        del self.index
        return self.index
