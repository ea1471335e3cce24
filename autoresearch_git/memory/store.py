"""The memory: one place to append events and to ask what is known.

Reading touches neither libgit2 nor the lock as long as the index is at the trail's tip. Whatever
a kill, a fetch or a person's hand left behind is mended on the next opening.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from autoresearch_git.errors import RefChangedError
from autoresearch_git.git import locate
from autoresearch_git.memory.index import FILE, Index
from autoresearch_git.records import Event, Experiment
from autoresearch_git.refs import NOTES, TRAIL

if TYPE_CHECKING:
    from autoresearch_git.git.repo import Repo
    from autoresearch_git.memory.trail import Entry


class Joined(NamedTuple):
    """The trail's tip after a merge, how many events were new, and which research branches."""

    tip: str
    events: int
    branches: list[str]


class Memory:
    """The research memory of one repository, open for reading and writing."""

    def __init__(self, place: locate.Place) -> None:
        self.place = place
        self.notices: list[str] = []  # what was mended, for people

    @classmethod
    def here(cls, folder: Path | str = ".") -> Memory:
        """The memory as it is, with nothing taken in and nothing mended: for looking at damage."""
        return cls(locate.find(folder))

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
        found = Index.open(self.place.private / FILE)
        found.source = _reader(self.place)
        return found

    def refresh(self) -> None:
        """Take in what others added to the trail since the last look; mend damaged views."""
        if self._up_to_date():
            return
        if not self.index.writable:
            self._read_only()  # a repository that we cannot write to: no lock, no views
            return
        from autoresearch_git.git.lock import writing

        with writing(self.place):
            if not self._up_to_date():  # while we waited, another process did it
                self._take_in()

    def append(
        self, *drafts: Event, log: bytes = b"", check: Callable[[], None] | None = None
    ) -> list[Event]:
        """Record events, safely, and bring the views up to date; the log is the last event's.

        `check` is called under the lock, with everything up to date, and may refuse by raising.
        """
        from autoresearch_git.git.lock import writing
        from autoresearch_git.memory import logs, trail

        if log and not logs.wanted(drafts[-1], self.repo.setting("logs.keep", "all")):
            log = b""
        cap = int(self.repo.setting("logs.max", "0")) if log else 0
        for attempt in range(5):
            with writing(self.place):
                self._take_in()
                if check:
                    check()
                try:
                    entries = trail.append(self.repo, self.index.meta("tip"), drafts, log, cap)
                except RefChangedError:  # by a push or a fetch, which know nothing of our lock
                    if attempt == 4:
                        raise
                    continue
                self._take_in(entries)
            break
        return [entry.event for entry in entries]

    def join(self, theirs: str) -> Joined:
        """Merge another trail's tip into ours, and bring the views up to date."""
        from autoresearch_git.git.lock import writing
        from autoresearch_git.memory import trail

        with writing(self.place):
            self._take_in()
            before = self.index.branches()
            tip, events = trail.join(self.repo, theirs)
            self._take_in()
            new = [ref for ref in self.index.branches() if ref not in before]
        return Joined(tip, events, new)

    def experiment(self, commit: str) -> Experiment | None:
        """All that is known of a commit, None if it is no experiment."""
        return self.index.experiment(commit)

    def log(self, commit: str) -> bytes:
        """The log of an experiment's latest run that kept one, b"" if there is none."""
        from autoresearch_git.memory import logs

        for oid, kind, _ in reversed(self.index.trail_of(commit)):
            if kind == "run" and (text := logs.read(self.repo, oid)):
                return text
        return b""

    def rebuild(self) -> None:
        """Forget the index and all that it says of the views: both are made anew (repair)."""
        from autoresearch_git.git.lock import writing

        with writing(self.place):
            self.index.reset()
            self._take_in(trust=False)

    def _up_to_date(self) -> bool:
        tip, notes = locate.read_ref(self.place, TRAIL), locate.read_ref(self.place, NOTES)
        return (tip, notes) == (self.index.meta("tip"), self.index.meta("notes"))

    def _read_only(self) -> None:
        from autoresearch_git.memory import intake, trail

        if self.index.path != ":memory:":
            self.index.close()
            self.__dict__["index"] = Index(":memory:")
            self.index.source = _reader(self.place)
        tip = self.repo.ref(TRAIL)
        with self.index.transaction():
            entries = trail.everything(self.repo, tip)
            intake.add(
                self.index, (intake.Line(e.oid, e.event, e.line) for e in entries), cold=True
            )
            self.index.set_meta("tip", tip)
            self.index.set_meta("notes", self.repo.ref(NOTES))

    def _take_in(self, written: Sequence[Entry] = (), *, trust: bool = True) -> None:
        """Bring index and views to the trail's tip; under the lock. `written` is all that is new.

        The index is committed last, so that the tip it names is safe from any gc.
        """
        from autoresearch_git.memory import intake, trail, views

        index = self.index
        tip = written[-1].oid if written else self._put_back(self.repo.ref(TRAIL))
        if not written and trust and self._up_to_date():
            return
        with index.transaction():
            cold = not index.meta("tip")
            entries = written or (trail.everything if cold else self._news)(self.repo, tip)
            lines = (intake.Line(e.oid, e.event, e.line) for e in entries)
            changes = intake.add(index, lines, cold=cold)
            if tip and views.update(self.repo, index, changes, trust=trust):
                self.notices.append(f"{NOTES} was changed outside git ar: rebuilt")
            index.set_meta("tip", tip)
            self.repo.settle()

    def _news(self, repo: Repo, tip: str) -> Iterator[Entry]:
        """What the index does not have yet, oldest first; a long past is read a second time."""
        from autoresearch_git.memory import intake, trail

        oids: list[str] = []
        recent: dict[str, Entry] = {}
        for entry, _ in trail.walk(repo, tip, self.index.meta("tip")):
            oids.append(entry.oid)
            if len(recent) < intake.CHUNK:
                recent[entry.oid] = entry
        for oid in reversed(oids):
            yield recent.get(oid) or trail.read(repo, oid)

    def _put_back(self, tip: str) -> str:
        """The tip; if a person or a fetch moved the trail back, first join what it had before."""
        from autoresearch_git.git.repo import Move
        from autoresearch_git.memory import trail

        old = self.index.meta("tip")
        if old in ("", tip):
            return tip
        if tip and not self.repo.has(tip) and self.repo.has(old):
            # Its writer was killed while a gc deleted what nothing pointed to yet.
            self.repo.swap(Move(TRAIL, old, tip), "ar: recover")
            self.notices.append(
                f"{TRAIL} pointed to {tip[:9]}, which is lost and was never acknowledged: "
                f"back at {old[:9]}; look for more with: git fsck --lost-found"
            )
            return old
        if not self.repo.has(old):
            self.notices.append("the trail was replaced: the index was rebuilt from it")
            self.index.reset()
            return tip
        if tip and not any(side == trail.OLD for _, side in trail.walk(self.repo, tip, old)):
            return tip
        self.notices.append(
            f"{TRAIL} had been moved by hand from {old[:9]} to {tip[:9] or 'nothing'}: "
            "joined again, nothing is lost"
        )
        return trail.join(self.repo, old)[0]


def _reader(place: locate.Place) -> Callable[[str], Event]:
    """Reads events from the trail; opens the repository when it is first asked."""
    opened: list[Repo] = []

    def read(oid: str) -> Event:
        from autoresearch_git.git.repo import Repo
        from autoresearch_git.memory import trail

        if not opened:
            opened.append(Repo(place))
        return trail.read(opened[0], oid).event

    return read
