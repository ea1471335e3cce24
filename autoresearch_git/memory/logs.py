"""Logs of runs: compressed, capped, content-addressed, in the tree of their event.

An event is immutable, so its log is kept or dropped when it is written: `ar.logs.keep` says whose
logs are kept, `ar.logs.max` how much of one.
"""

from __future__ import annotations

import zlib

from autoresearch_git.git.repo import Repo
from autoresearch_git.records import Event

NAME = "log.z"
CAP = 1 << 20  # bytes, compressed
POLICIES = ("all", "failed", "none")


def wanted(event: Event, policy: str) -> bool:
    """Whether the log of a run event is kept under a policy (one of POLICIES)."""
    return policy != "none" and not (policy == "failed" and event.run and event.run.outcome == "ok")


def tree(repo: Repo, log: bytes, cap: int = CAP) -> str:
    """The tree of an event with this log."""
    return repo.write_tree([(NAME, repo.write_blob(squeeze(log, cap or CAP)), "100644")])


def read(repo: Repo, oid: str) -> bytes:
    """The log kept with a trail commit, b"" if there is none."""
    blob = repo.blob_id(oid, NAME)
    return zlib.decompress(repo.blob(blob)) if blob else b""


def squeeze(log: bytes, cap: int) -> bytes:
    """The log compressed to at most `cap` bytes: whole, or its head and its tail with a word."""
    packed, kept = zlib.compress(log, 6), len(log)
    while len(packed) > cap and kept:
        kept = min(kept * 9 // 10, kept * cap // len(packed))
        head, tail = kept // 4, kept - kept // 4
        word = b"\n[git ar: %d bytes left out here, see ar.logs.max]\n" % (len(log) - kept)
        packed = zlib.compress(log[:head] + word + log[len(log) - tail :], 6)
    return packed
