"""The trail: an append-only chain of small commits, one an event, and the only truth.

Message: `ar: KIND`, an empty line, the event as one JSON line. First parent: the trail before it;
last parent: the experiment, which is thereby safe from gc. The tree holds the run's log, or
nothing. All trails grow from one root commit that is the same in every repository.
"""

from __future__ import annotations

import heapq
import os
import secrets
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1

import msgspec

from autoresearch_git.errors import ArError, RefChangedError
from autoresearch_git.git.repo import EMPTY_TREE, Move, Person, Repo
from autoresearch_git.records import VERSION, Event, decode, encode
from autoresearch_git.refs import TRAIL

LOG = "log.z"  # zlib-compressed, read with: git cat-file blob TRAIL_COMMIT:log.z | zlib-flate
_ROOT = "ar: trail\n\nThe events of a research, one a commit. Written by git ar.\n"


@dataclass(frozen=True)
class Entry:
    """One commit of the trail; `line` is its event as it stands there, even if unreadable."""

    oid: str
    event: Event  # kind "" if the line cannot be read by this version
    line: bytes
    parents: tuple[str, ...]  # those that belong to the trail


def append(repo: Repo, drafts: Sequence[Event], log: bytes = b"") -> list[Entry]:
    """Add events and make them safe; call it under the lock. The log belongs to the last one."""
    old = repo.ref(TRAIL)
    tip = old or _root(repo)
    before = _last_readable(repo, tip)
    seq, clock = before.seq, max(time.time(), before.time)  # a clock that jumps back is held
    entries = []
    for draft in drafts:
        seq += 1
        event = msgspec.structs.replace(
            draft, id=secrets.token_hex(8), seq=seq, time=round(clock, 3), host=socket.gethostname()
        )
        tree = _log_tree(repo, log) if log and draft is drafts[-1] else EMPTY_TREE
        entries.append(_write(repo, event, tree, [tip], [event.commit] if event.commit else []))
        tip = entries[-1].oid
    _publish(repo, Move(TRAIL, tip, old), f"ar: {', '.join(e.event.kind for e in entries)}")
    return entries


def read(repo: Repo, oid: str) -> Entry:
    """One commit of the trail."""
    commit = repo.commit(oid)
    parents = tuple(map(str, commit.parent_ids))
    subject, _, rest = commit.raw_message.partition(b"\n\n")
    line = rest.rstrip(b"\n")
    if not parents or subject == b"ar: trail":
        return Entry(oid, Event(kind="trail"), line, ())
    event = _readable(line)
    return Entry(oid, event, line, parents if subject == b"ar: merge" else parents[:1])


def walk(repo: Repo, new: str, old: str = "") -> Iterator[Entry]:
    """Entries that `new` has and `old` has not, latest first.

    Seq grows along every path, so visiting in falling order of seq meets a commit only after
    all of its descendants: the walk ends as soon as nothing but old ones is left.
    """
    if not new or new == old:
        return
    mine = {new: True, **({old: False} if old else {})}  # oid -> not reachable from old
    entries = {oid: read(repo, oid) for oid in mine}
    heap = [(-entry.event.seq, oid) for oid, entry in entries.items()]
    heapq.heapify(heap)
    waiting = 1  # how many of the heap are new
    while waiting:
        _, oid = heapq.heappop(heap)
        entry, is_new = entries.pop(oid), mine[oid]
        waiting -= is_new
        for parent in entry.parents:
            if parent not in mine:
                mine[parent] = is_new
                waiting += is_new
                entries[parent] = read(repo, parent)
                heapq.heappush(heap, (-entries[parent].event.seq, parent))
            elif mine[parent] and not is_new:
                mine[parent] = False
                waiting -= parent in entries
        if is_new and entry.parents:
            yield entry


def join(repo: Repo, theirs: str) -> str:
    """Merge another trail into ours (under the lock); the new tip, the same in every clone."""
    ours = repo.ref(TRAIL)
    if not ours or not any(walk(repo, ours, theirs)):
        if ours != theirs:
            repo.swap(Move(TRAIL, theirs, ours), "ar: fast-forward")
        return theirs
    if not any(walk(repo, theirs, ours)):
        return ours
    parents = sorted((ours, theirs))
    last = [read(repo, oid).event for oid in parents]
    event = Event(
        kind="merge",
        id=sha1("".join(parents).encode()).hexdigest()[:16],
        seq=max(e.seq for e in last) + 1,
        time=max(e.time for e in last),
    )
    tip = _write(repo, event, EMPTY_TREE, parents, []).oid
    _publish(repo, Move(TRAIL, tip, ours), "ar: merge")
    return tip


def log(repo: Repo, oid: str) -> bytes:
    """The run's log kept with a trail commit, b"" if there is none."""
    blob = repo.blob_id(oid, LOG)
    return zlib.decompress(repo.blob(blob)) if blob else b""


def _last_readable(repo: Repo, oid: str) -> Event:
    entry = read(repo, oid)
    while not entry.event.seq and entry.parents:
        entry = read(repo, entry.parents[0])
    return entry.event


def _readable(line: bytes) -> Event:
    try:
        event = decode(line, Event)
    except msgspec.MsgspecError:
        return Event(kind="")
    return event if event.v <= VERSION else Event(kind="", seq=event.seq, time=event.time)


def _root(repo: Repo) -> str:
    nobody = Person("git-ar", "git-ar@localhost", 0)
    return repo.write_commit(EMPTY_TREE, [], _ROOT, nobody, nobody)


def _log_tree(repo: Repo, log: bytes) -> str:
    return repo.write_tree([(LOG, repo.write_blob(zlib.compress(log, 6)), "100644")])


def _write(repo: Repo, event: Event, tree: str, trail: list[str], experiment: list[str]) -> Entry:
    line = encode(event)
    who = Person("git-ar", "git-ar@localhost", event.time)
    message = f"ar: {event.kind}\n\n{line.decode()}\n"
    oid = repo.write_commit(tree, [*trail, *experiment], message, who, who)
    return Entry(oid, event, line, tuple(trail))


def _publish(repo: Repo, move: Move, reason: str) -> None:
    """Compare-and-swap with back-off, then wait for a gc that may not have seen the new tip.

    Such a gc may still delete what we wrote before the ref moved, so that is written again.
    """
    for attempt in range(8):
        try:
            repo.swap(move, reason)
            break
        except RefChangedError:
            if repo.ref(move.ref) != move.old:
                raise
            time.sleep(0.01 * 2**attempt)  # somebody's lock file, or a full refs folder
    else:
        raise ArError(f"{move.ref} stays locked", "run: git ar doctor")
    running = repo.place.common / "gc.pid"
    deadline = time.monotonic() + 600
    while _fresh(running) and time.monotonic() < deadline:
        time.sleep(0.02)
    repo.heal()
    repo.forget()


def _fresh(running: os.PathLike[str]) -> bool:
    # git itself ignores a gc.pid older than 12 hours: its writer is dead.
    try:
        return time.time() - os.stat(running).st_mtime < 12 * 3600
    except FileNotFoundError:
        return False
