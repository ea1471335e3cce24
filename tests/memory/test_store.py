"""The memory on real git: what is appended is found again, and plain git sees the views."""

from __future__ import annotations

import subprocess
from hashlib import sha1

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_git import refs
from autoresearch_git.git.repo import Repo
from autoresearch_git.memory import fsck, notes, trail
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Decision, Event, Lease, Plan, Review, Run
from tests.support import Sandbox

PLAN = Plan(emitter="local_tuner", phase="explore", change="X 1 -> 2", parent="")


def events_of(commit: str, value: float, verdict: str = "keep", run: str = "r1") -> list[Event]:
    """A whole experiment's life."""
    executed = Run(run=run, outcome="ok", seconds=1.0, klass="c.cpu", value=value)
    review = Review(
        klass="c.cpu",
        runs=(run,),
        verdict=verdict,
        reason="because",
        niche="optimizer.same",
        value=value,
        n=1,
    )
    decision = Decision(klass="c.cpu", verdict=verdict, reason="because")
    return [
        Event(kind="propose", commit=commit, plan=PLAN, contract="c"),
        Event(kind="run", commit=commit, run=executed),
        Event(kind="review", commit=commit, review=review),
        Event(kind="decision", commit=commit, decision=decision),
    ]


def experiments(sandbox: Sandbox, n: int) -> list[str]:
    """n commits that no branch holds."""
    base = sandbox.commit()
    tree = sandbox.git("rev-parse", f"{base}^{{tree}}")
    return [sandbox.git("commit-tree", tree, "-p", base, "-m", f"exp: {k}") for k in range(n)]


def test_the_writer_sees_an_event_as_later_readers_do(sandbox: Sandbox) -> None:
    (oid,) = experiments(sandbox, 1)
    memory = Memory.open(sandbox.folder)
    lease = Lease(run="r1", pid=1, slot="", until=2_000_000_000)  # an int, where a float belongs
    memory.append(
        Event(kind="propose", commit=oid, plan=PLAN, contract="c"),
        Event(kind="start", commit=oid, lease=lease),
    )
    assert fsck.check(memory).findings == ()


def test_what_is_appended_is_read_back_in_order(sandbox: Sandbox) -> None:
    (oid,) = experiments(sandbox, 1)
    memory = Memory.open(sandbox.folder)
    written = memory.append(*events_of(oid, 1.5), log=b"hello\n" * 100)
    assert [e.seq for e in written] == [1, 2, 3, 4]
    again = Memory.open(sandbox.folder).experiment(oid)
    assert again is not None
    assert (again.value, again.verdict, again.plan) == (1.5, "keep", PLAN)
    journal = sandbox.git("log", "--first-parent", "--format=%s", "refs/ar/trail")
    assert journal.splitlines() == [
        "ar: decision",
        "ar: review",
        "ar: run",
        "ar: propose",
        "ar: trail",
    ]


def test_experiments_survive_gc_and_a_mirror_shows_the_same(sandbox: Sandbox) -> None:
    oids = experiments(sandbox, 5)
    memory = Memory.open(sandbox.folder)
    for k, oid in enumerate(oids):
        memory.append(*events_of(oid, 1.0 + k, "keep" if k == 0 else "near-miss"))
    sandbox.git("reflog", "expire", "--expire=all", "--all")
    sandbox.git("gc", "-q", "--prune=now")
    assert all(sandbox.git("cat-file", "-t", oid) == "commit" for oid in oids)
    copy = sandbox.folder.parent / "copy.git"
    sandbox.git("clone", "-q", "--mirror", ".", str(copy))
    there, here = Memory.open(copy), Memory.open(sandbox.folder)
    assert [there.experiment(o) for o in oids] == [here.experiment(o) for o in oids]
    assert not there.notices
    elite = refs.elite("c.cpu", "optimizer.same")
    assert sandbox.git("rev-parse", elite) == oids[0]
    tags = sandbox.git("tag", "--list", "near-miss/*").splitlines()
    assert tags == [f"near-miss/c.cpu/optimizer.same/{k}" for k in (1, 2, 3)]
    assert sandbox.git("rev-parse", tags[0] + "^{commit}") == oids[1]


def test_damaged_views_are_mended_and_told(sandbox: Sandbox) -> None:
    oids = experiments(sandbox, 3)
    memory = Memory.open(sandbox.folder)
    for oid in oids:
        memory.append(*events_of(oid, 2.0))
    before = sandbox.git("rev-parse", refs.NOTES)
    sandbox.git("notes", "--ref=ar", "add", "-f", "-m", "edited by hand", oids[0])
    sandbox.git("update-ref", "-d", refs.elite("c.cpu", "optimizer.same"))
    healed = Memory.open(sandbox.folder)
    assert healed.notices
    assert sandbox.git("rev-parse", refs.NOTES) == before
    assert sandbox.git("rev-parse", refs.elite("c.cpu", "optimizer.same")) == min(oids)


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 99])
def test_a_broken_index_is_rebuilt(sandbox: Sandbox, damage: bytes) -> None:
    (oid,) = experiments(sandbox, 1)
    memory = Memory.open(sandbox.folder)
    memory.append(*events_of(oid, 3.0))
    memory.index.close()
    path = memory.place.private / "index.sqlite"
    path.write_bytes(damage)
    found = Memory.open(sandbox.folder).experiment(oid)
    assert found is not None
    assert found.value == 3.0


def test_two_trails_join_to_the_same_tip_whatever_the_order(sandbox: Sandbox) -> None:
    oids = experiments(sandbox, 4)
    Memory.open(sandbox.folder).append(*events_of(oids[0], 1.0))
    other = sandbox.folder.parent / "other"
    sandbox.git("clone", "-q", "--mirror", ".", str(other))
    sandbox.git("push", "-q", str(other), *(f"{o}:refs/heads/x{k}" for k, o in enumerate(oids)))
    Memory.open(sandbox.folder).append(*events_of(oids[1], 2.0))
    Memory.open(other).append(*events_of(oids[2], 0.5))
    tips = []
    for mine, theirs in ((sandbox.folder, other), (other, sandbox.folder)):
        repo = Repo.open(mine)
        subprocess.run(
            ["git", "fetch", "-q", str(theirs), "refs/ar/trail:refs/ar/remotes/x/trail"],
            cwd=mine, check=True,
        )  # fmt: skip
        tips.append(repo.ref(refs.tracking("x")))
    for folder, tip in zip((sandbox.folder, other), tips, strict=True):
        trail.join(Repo.open(folder), tip)
    a, b = Memory.open(sandbox.folder), Memory.open(other)
    assert a.repo.ref(refs.TRAIL) == b.repo.ref(refs.TRAIL)
    assert a.repo.ref(refs.NOTES) == b.repo.ref(refs.NOTES)
    assert [a.experiment(o) for o in oids] == [b.experiment(o) for o in oids]
    assert a.repo.ref(refs.elite("c.cpu", "optimizer.same")) == oids[2]
    assert trail.join(a.repo, tips[1]) == (a.repo.ref(refs.TRAIL), 0)  # nothing new: nothing moves


def test_unreadable_and_newer_lines_are_kept_and_skipped(sandbox: Sandbox) -> None:
    (oid,) = experiments(sandbox, 1)
    memory = Memory.open(sandbox.folder)
    memory.append(*events_of(oid, 1.0))
    for body in ("not json", '{"kind":"future","v":99,"seq":7}'):
        tip = sandbox.git("rev-parse", refs.TRAIL)
        empty = sandbox.git("hash-object", "-t", "tree", "-w", "--stdin", input="")
        new = sandbox.git("commit-tree", empty, "-p", tip, "-m", f"ar: future\n\n{body}")
        sandbox.git("update-ref", refs.TRAIL, new, tip)
    found = Memory.open(sandbox.folder)
    assert found.experiment(oid) is not None
    (written,) = found.append(Event(kind="remark", remark="still works", commit=oid))
    assert written.seq > 4


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, 16**6), min_size=1, max_size=400, unique=True), st.data())
def test_the_notes_tree_is_what_git_lays_out(
    tmp_path_factory: pytest.TempPathFactory, seeds: list[int], data: st.DataObject
) -> None:

    folder = tmp_path_factory.mktemp("notes")

    def git(*args: str, stdin: str = "") -> str:
        command = ("git", "-c", "user.name=T", "-c", "user.email=t@example.com", *args)
        done = subprocess.run(
            command, cwd=folder, check=True, capture_output=True, text=True, input=stdin
        )
        return done.stdout.strip()

    git("init", "-q", "--bare")
    repo = Repo.open(folder)
    names = [sha1(str(s).encode()).hexdigest() for s in seeds]
    blob = repo.write_blob(b"note\n")
    names.append(blob)
    cut = data.draw(st.integers(0, len(names)))
    tree = notes.put(repo, "", dict.fromkeys(names[:cut], blob))
    for name in names[cut : cut + 20]:
        tree = notes.put(repo, tree, {name: blob})
    tree = notes.put(repo, tree, dict.fromkeys(names[cut + 20 :], blob))
    git("notes", "--ref=g", "add", "-C", blob, blob)
    git("notes", "--ref=g", "copy", "--stdin", stdin="".join(f"{blob} {n}\n" for n in names[:-1]))
    assert git("rev-parse", "refs/notes/g^{tree}") == tree
