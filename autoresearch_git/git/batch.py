"""A long first-parent chain of commits, streamed from git in its own process: each read once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from autoresearch_git.errors import GitError
from autoresearch_git.git.lean import environment
from autoresearch_git.git.locate import Place


def chain(place: Place, tip: str) -> Iterator[tuple[str, bytes]]:
    """(oid, raw commit) from the first commit to `tip`, along first parents only.

    Raises GitError if one of them is missing.
    """
    git = ("git", "--no-replace-objects", "-C", str(place.git_dir))
    env = environment()
    listing = subprocess.Popen(
        (*git, "rev-list", "--first-parent", "--reverse", tip),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
    )
    reading = subprocess.Popen(
        (*git, "cat-file", "--batch", "--buffer"),
        stdin=listing.stdout,
        stdout=subprocess.PIPE,
        env=env,
    )
    assert listing.stdout
    assert listing.stderr
    assert reading.stdout
    listing.stdout.close()  # so that the first one notices when the second one ends
    try:
        while head := reading.stdout.readline():
            oid, kind, *size = head.decode().split()
            if kind != "commit":
                raise GitError(f"commit {oid[:12]} is missing", "run: git ar fsck")
            yield oid, reading.stdout.read(int(size[0]))
            reading.stdout.read(1)
        said = listing.stderr.read().decode("utf-8", "replace").strip()
        if listing.wait():
            raise GitError(said.splitlines()[-1] if said else "the trail cannot be read")
    finally:
        for process in (listing, reading):
            process.kill()
            process.wait()
        listing.stderr.close()
        reading.stdout.close()
