"""The trail: an append-only chain of small commits, one an event, and the only truth.

Message: `ar: KIND`, an empty line, the event as one JSON line. First parent: the trail before it;
last parent: the experiment, which is thereby safe from gc. The tree holds the run's log, or
nothing. All trails grow from one root commit that is the same in every repository.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import secrets
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import TYPE_CHECKING

import msgspec

from autoresearch_git.errors import GitError
from autoresearch_git.git import batch
from autoresearch_git.git.objects import Writer
from autoresearch_git.git.repo import EMPTY_TREE, Move, Person, Repo
from autoresearch_git.memory import logs
from autoresearch_git.records import KINDS, VERSION, Event, decode, encode
from autoresearch_git.refs import TRAIL

if TYPE_CHECKING:
    from autoresearch_git.git.pack import Pack

ROOT_MESSAGE = "ar: trail\n\nThe events of a research, one a commit. Written by git ar.\n"
ROOT = "4cebd0fa1640181348bab5ed70a0a7d49e430148"
MANY = 100  # events that go into one pack: it is made durable once, not each of them
NEW, OLD, BOTH = 1, 2, 3  # which of two tips an entry is reachable from

_event = msgspec.json.Decoder(Event)


@dataclass(frozen=True)
class Entry:
    """One commit of the trail; `line` is its event as it stands there, even if unreadable."""

    oid: str
    event: Event  # kind "" if the line cannot be read by this version
    line: bytes
    parents: tuple[str, ...]  # those that belong to the trail
    others: tuple[str, ...] = ()  # what the event keeps alive: its experiment comes last
    tree: str = EMPTY_TREE


def append(
    repo: Repo, old: str, drafts: Sequence[Event], log: bytes = b"", cap: int = 0
) -> list[Entry]:
    """Add events to a trail at `old`; under the lock, with `Repo.settle` before anybody is told.

    The log belongs to the last event. RefChangedError if a git program moved the trail meanwhile:
    bring the index up to date, and try again.
    """
    tip = old or root(repo)
    before = read(repo, tip).event
    seq, clock = before.seq, max(time.time(), before.time)  # a clock that jumps back is held
    entries = []
    with _target(repo, len(drafts)) as target:
        for draft in drafts:
            seq += 1
            event = msgspec.structs.replace(
                draft,
                id=secrets.token_hex(8),
                seq=seq,
                time=round(clock, 3),
                host=socket.gethostname(),
            )
            tree = logs.tree(repo, log, cap) if log and draft is drafts[-1] else EMPTY_TREE
            entries.append(write(target, event, tree, [tip], _kept(repo, event)))
            tip = entries[-1].oid
        guard = None if isinstance(target, Repo) else target.finish()
    try:
        repo.swap(Move(TRAIL, tip, old), "ar: append", durable=repo.fsync)
        if guard:
            repo.settle()
    finally:
        if guard:
            guard.unlink(missing_ok=True)
    return entries


def _target(repo: Repo, count: int) -> contextlib.AbstractContextManager[Repo | Pack]:
    """Where so many events are written to."""
    if count <= MANY:
        return contextlib.nullcontext(repo)
    from autoresearch_git.git.pack import Pack

    return Pack(repo.place)


def read(repo: Repo, oid: str) -> Entry:
    """One commit of the trail. A line that cannot be read counts one more than its parent."""
    entry = parse(oid, repo.raw_commit(oid))
    if entry.event.seq or not entry.parents:
        return entry
    unread, below = 0, entry
    while not below.event.seq and below.parents:
        unread += 1
        below = parse(below.parents[0], repo.raw_commit(below.parents[0]))
    about = Event(kind="", seq=below.event.seq + unread, time=below.event.time)
    return dataclasses.replace(entry, event=about)


def parse(oid: str, raw: bytes) -> Entry:
    """A trail commit from its bytes; GitError if it is a commit of another kind."""
    head, _, message = raw.partition(b"\n\n")
    tree, *fields = head.split(b"\n", 9)
    parents = tuple([field[7:].decode() for field in fields if field[:7] == b"parent "])
    subject, _, rest = message.partition(b"\n\n")
    if not subject.startswith(b"ar: ") or not (parents or oid == ROOT):
        raise GitError(f"{oid[:12]} is no commit of a trail", "see: git ar fsck")
    line = rest.rstrip(b"\n")
    if not parents:
        return Entry(oid, Event(kind="trail"), line, ())
    mine = len(parents) if subject == b"ar: merge" else 1
    return Entry(oid, _readable(line), line, parents[:mine], parents[mine:], tree[5:].decode())


def everything(repo: Repo, tip: str) -> Iterator[Entry]:
    """All entries of a trail, oldest first but for what merges brought in; each is read once."""
    seq = 0
    for oid, raw in batch.chain(repo.place, tip) if tip else ():
        entry = parse(oid, raw)
        if not entry.event.seq and entry.parents:
            about = Event(kind="", seq=seq + 1, time=entry.event.time)
            entry = dataclasses.replace(entry, event=about)
        for side in entry.parents[1:]:
            news = [e for e, which in walk(repo, side, entry.parents[0]) if which == NEW]
            yield from reversed(news)
        seq = entry.event.seq
        if entry.parents:
            yield entry


def walk(
    repo: Repo, new: str, old: str = "", *, strict: bool = False
) -> Iterator[tuple[Entry, int]]:
    """Entries that only one of two tips has, latest first, and which one: NEW or OLD.

    Seq grows along every path, so visiting in falling order of seq meets a commit only after
    all of its descendants: nothing but the front is remembered, and the walk ends as soon as
    both tips know everything in it. `strict` makes seq that does not grow a GitError.
    """
    front: dict[str, tuple[Entry, int]] = {}
    heap: list[tuple[int, str]] = []
    one_sided = 0

    def visit(oid: str, side: int) -> None:
        nonlocal one_sided
        if oid in front:
            entry, before = front[oid]
            one_sided -= before != BOTH and before | side == BOTH
            front[oid] = (entry, before | side)
            return
        entry = read(repo, oid)
        front[oid] = (entry, side)
        heapq.heappush(heap, (-entry.event.seq, oid))
        one_sided += side != BOTH

    for tip, side in ((new, NEW), (old, OLD)):
        if tip:
            visit(tip, side)
    while one_sided:
        entry, side = front.pop(heapq.heappop(heap)[1])
        if side != BOTH:
            one_sided -= 1
            if entry.parents:
                yield entry, side
        for parent in entry.parents:
            visit(parent, side)
            if strict and front[parent][0].event.seq >= entry.event.seq:
                about = f"the other trail is not in order at {entry.oid[:12]}"
                raise GitError(about, "look at it there: git ar fsck")


def join(repo: Repo, theirs: str) -> tuple[str, int]:
    """Merge another trail into ours (under the lock); the new tip, and how much was new to us.

    The tip is the same in every clone that joins these two.
    """
    ours = repo.ref(TRAIL)
    if theirs in ("", ours):
        return ours, 0
    sides = Counter(side for _, side in walk(repo, ours, theirs, strict=True))
    if not sides[OLD]:
        return ours, 0
    if not sides[NEW]:
        repo.swap(Move(TRAIL, theirs, ours), "ar: fast-forward", durable=repo.fsync)
        return theirs, sides[OLD]
    parents = sorted((ours, theirs))
    last = [read(repo, oid).event for oid in parents]
    event = Event(
        kind="merge",
        id=sha1("".join(parents).encode()).hexdigest()[:16],
        seq=max(e.seq for e in last) + 1,
        time=max(e.time for e in last),
    )
    tip = write(repo, event, EMPTY_TREE, parents, []).oid
    repo.swap(Move(TRAIL, tip, ours), "ar: merge", durable=repo.fsync)
    repo.settle()
    return tip, sides[OLD]


def root(repo: Repo) -> str:
    """The commit that all trails grow from."""
    nobody = Person("git-ar", "git-ar@localhost", 0)
    return repo.write_commit(EMPTY_TREE, [], ROOT_MESSAGE, nobody, nobody)


def _readable(line: bytes) -> Event:
    try:
        event = _event.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Event(kind="")
    if event.v <= VERSION and event.kind in KINDS:
        return event
    return Event(kind="", seq=event.seq, time=event.time)


def _kept(repo: Repo, event: Event) -> list[str]:
    """What an event keeps from gc: the branch's new commit, and last its experiment."""
    kept = [event.decision.new] if event.decision else []
    kept = [oid for oid in (*kept, event.commit) if oid]
    for oid in kept:
        if not repo.has(oid):
            repo.heal()  # a gc deleted it before anything pointed to it
        repo.raw_commit(oid)  # GitError if it is not there: the trail must never dangle
    return list(dict.fromkeys(kept))


def write(
    target: Writer, event: Event, tree: str, trail: Sequence[str], kept: Sequence[str]
) -> Entry:
    """Store one commit of the trail; nothing points to it yet."""
    line = encode(event)
    who = Person("git-ar", "git-ar@localhost", event.time)
    message = f"ar: {event.kind}\n\n{line.decode()}\n"
    oid = target.write_commit(tree, [*trail, *kept], message, who, who)
    # As every later reader sees it: a float that was given as an int, say, is a float from here on.
    return Entry(oid, decode(line, Event), line, tuple(trail), tuple(kept), tree)
