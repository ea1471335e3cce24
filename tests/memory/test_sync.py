"""Clones exchange their memories by way of a remote, in any order, and end up the same."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoresearch_git import refs
from autoresearch_git.errors import ArError, GitError
from autoresearch_git.memory import fsck
from autoresearch_git.memory.bundle import bundle, unbundle
from autoresearch_git.memory.store import Memory
from autoresearch_git.memory.sync import sync
from autoresearch_git.records import Decision, Event
from tests.memory.lab import experiment, git, life, new_repo
from tests.support import Sandbox

VIEWS = (refs.NOTES, refs.ELITES, refs.NEAR_MISSES)


def clones(folder: Path, n: int) -> list[Path]:
    """A bare hub and n clones that have it as their remote."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "--bare", "hub.git")
    made = [folder / f"clone{k}" for k in range(n)]
    for clone in made:
        new_repo(clone)
        git(clone, "remote", "add", "origin", str(folder / "hub.git"))
    return made


def one(clone: Path, name: str, count: int = 4) -> list[Event]:
    """An experiment in a clone, as far as `count` events."""
    memory = Memory.open(clone)
    drafts = life(experiment(memory.repo, name), random.Random(name))[:count]
    return [memory.append(draft)[0] for draft in drafts]


def views(clone: Path) -> dict[str, str]:
    """All derived refs and the trail: what must be the same everywhere."""
    repo = Memory.open(clone).repo
    found = {ref: oid for prefix in VIEWS for ref, oid in repo.refs(prefix).items()}
    return found | {refs.TRAIL: repo.ref(refs.TRAIL)}


def test_two_clones_exchange_what_they_have(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    assert not sync(Memory.open(a)).tip  # nothing here, nothing there
    one(a, "first")
    assert sync(Memory.open(a)).pushed == 4
    one(b, "second")
    done = sync(Memory.open(b))
    assert (done.fetched, done.pushed) == (4, 5)  # its own four, and the merge
    assert sync(Memory.open(a)).fetched == 5
    assert views(a) == views(b)
    again = sync(Memory.open(a))
    assert (again.fetched, again.pushed) == (0, 0)
    assert fsck.check(Memory.open(b)).ok


def test_a_relative_address_is_seen_from_the_working_tree(tmp_path: Path) -> None:
    (a,) = clones(tmp_path, 1)
    git(a, "remote", "set-url", "origin", "../hub.git")
    one(a, "first")
    assert sync(Memory.open(a)).pushed == 4
    assert sync(Memory.open(a), "origin").pushed == 0


def test_published_views_are_those_of_plain_git(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "8", "--seed", "1")
    hub = tmp_path / "hub.git"
    git(tmp_path, "init", "-q", "--bare", str(hub))
    sandbox.git("remote", "add", "origin", str(hub))
    sandbox.git("push", "-q", "origin", "autoresearch/demo")
    stale = refs.elite("nowhere", "nothing")
    git(hub, "fetch", "-q", str(sandbox.folder), f"HEAD:{stale}")
    sandbox.ok("sync", "--views")
    there = sandbox.git("ls-remote", "origin", "refs/ar/*", "refs/notes/*", "refs/tags/*")
    shown = [line.split()[::-1] for line in there.splitlines() if not line.endswith("^{}")]
    here = sandbox.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    wanted = [line.split() for line in here if line.startswith(("refs/ar/", *VIEWS))]
    wanted = [pair for pair in wanted if not pair[0].startswith(refs.REMOTES)]
    assert sorted(shown) == sorted(wanted)
    # a person without git ar
    git(tmp_path, "clone", "-q", "-b", "autoresearch/demo", str(hub), "plain")
    git(tmp_path / "plain", "fetch", "-q", "origin", f"{refs.NOTES}:{refs.NOTES}")
    assert "Verdict: keep" in git(tmp_path / "plain", "log", "--notes=ar", "-1")


def test_no_push_only_takes_in(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    one(a, "first")
    sync(Memory.open(a))
    one(b, "second")
    assert sync(Memory.open(b), push=False).fetched == 4
    assert sync(Memory.open(a)).fetched == 0


def test_a_lost_race_is_run_again(tmp_path: Path) -> None:
    made = clones(tmp_path, 4)
    for k, clone in enumerate(made):
        one(clone, f"exp {k}")
    code = "from autoresearch_git.memory.sync import *; print(sync(Memory.open()).attempts)"
    racing = [
        subprocess.Popen([sys.executable, "-c", code], cwd=c, stdout=subprocess.PIPE) for c in made
    ]
    assert all(process.wait() == 0 for process in racing)
    for clone in made:
        sync(Memory.open(clone))
    assert len({views(clone)[refs.TRAIL] for clone in made}) == 1
    assert fsck.check(Memory.open(made[0])).experiments == 4


def test_research_branches_come_with_the_trail(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    memory, branch = Memory.open(a), refs.research_branch("demo")
    first, second = experiment(memory.repo, "first"), experiment(memory.repo, "second")
    git(a, "update-ref", branch, first)
    memory.append(*life(first, random.Random(1)))
    kept = Decision(klass="c", verdict="keep", reason="", branch=branch, old=first, new=second)
    memory.append(Event(kind="decision", commit=first, decision=kept))
    sync(memory)
    done = sync(Memory.open(b))
    assert done.branches == (branch,)
    assert git(b, "rev-parse", branch) == second == git(a, "rev-parse", branch)
    git(b, "update-ref", "-d", branch)
    one(a, "third")
    sync(Memory.open(a))
    assert not sync(Memory.open(b)).branches  # what a person deleted stays deleted


def test_refspecs_of_the_user_are_not_applied_on_the_way(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    one(a, "first")
    sync(Memory.open(a))
    git(b, "config", "--add", "remote.origin.fetch", "+refs/*:refs/*")
    git(b, "config", "fetch.prune", "true")
    events = one(b, "second")
    sync(Memory.open(b))
    tips = {row[0] for row in Memory.open(b).index.db.execute("SELECT id FROM events")}
    assert {event.id for event in events} <= tips


@pytest.mark.parametrize(
    ("remote", "says"),
    [("elsewhere", "no remote 'elsewhere'"), ("/no/such/place:x", "git fetch")],
)
def test_a_remote_that_is_not_there(tmp_path: Path, remote: str, says: str) -> None:
    (a,) = clones(tmp_path, 1)
    one(a, "first")
    with pytest.raises(ArError) as error:
        sync(Memory.open(a), remote)
    assert says in error.value.message
    git(a, "remote", "remove", "origin")
    with pytest.raises(ArError, match="no remote"):
        sync(Memory.open(a))


def test_what_is_no_trail_is_refused(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    one(a, "first")
    before = views(a)
    stranger = experiment(Memory.open(b).repo, "not a trail")
    git(b, "push", "-q", "origin", f"{stranger}:{refs.TRAIL}")
    with pytest.raises(GitError, match="no commit of a trail"):
        sync(Memory.open(a))
    assert views(a) == before


def test_a_bundle_carries_everything(tmp_path: Path) -> None:
    a, b = clones(tmp_path, 2)
    one(a, "first")
    memory = Memory.open(a)
    commit = experiment(memory.repo, "with a log")
    memory.append(*life(commit, random.Random(3))[:2], log=b"loss 3.2\n" * 1000)
    one(b, "second")
    done = bundle(memory, tmp_path / "all.bundle")
    assert done.events == 6
    came = unbundle(Memory.open(b), tmp_path / "all.bundle")
    assert came.events == 6
    assert Memory.open(b).log(commit) == b"loss 3.2\n" * 1000
    bundle(Memory.open(b), tmp_path / "back.bundle")
    unbundle(Memory.open(a), tmp_path / "back.bundle")
    assert views(a) == views(b)
    assert not git(a, "for-each-ref", refs.REMOTES)
    with pytest.raises(ArError, match="no file"):
        unbundle(memory, tmp_path / "none.bundle")
    (tmp_path / "cut.bundle").write_bytes((tmp_path / "all.bundle").read_bytes()[:300])
    new_repo(tmp_path / "empty")
    with pytest.raises(ArError):
        unbundle(Memory.open(tmp_path / "empty"), tmp_path / "cut.bundle")
    assert unbundle(Memory.open(tmp_path / "empty"), tmp_path / "all.bundle").events == 6


def test_the_verbs(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2", "--seed", "1")
    hub = sandbox.folder.parent / "hub.git"
    sandbox.git("init", "-q", "--bare", str(hub))
    assert "no remote" in sandbox.ar("sync").stderr
    sandbox.git("remote", "add", "origin", str(hub))
    (pushed,) = sandbox.records("sync")
    assert pushed["pushed"] == pushed["fetched"] + 10
    assert "up to date" in sandbox.ok("sync", "--no-json")
    copy = sandbox.folder.parent / "copy"
    sandbox.git("clone", "-q", str(hub), str(copy))
    assert "new branch autoresearch/demo" in sandbox.ok("sync", "--no-json", cwd=copy)
    assert sandbox.ok("log", "--json") == sandbox.ok("log", "--json", cwd=copy)
    sandbox.ok("bundle", "x.bundle")
    assert "0 events were new" in sandbox.ok("unbundle", "x.bundle", "--no-json")


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["write", "half", "sync", "kill", "forget"])),
    min_size=2,
    max_size=14,
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_any_interleaving_ends_the_same_everywhere(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]
) -> None:
    made = clones(tmp_path_factory.mktemp("gossip"), 3)
    acknowledged = set()
    for number, (who, what) in enumerate(steps):
        clone = made[who]
        if what in ("write", "half"):
            events = one(clone, f"{number}", 4 if what == "write" else 2)
            acknowledged |= {event.id for event in events}
        elif what == "sync":
            sync(Memory.open(clone))
        elif what == "kill":
            killed_between_trail_and_views(clone, f"{number}")
        elif (index := Memory.open(clone).index).path and isinstance(index.path, Path):
            index.path.unlink()  # a lost index is made again from the trail
    for clone in (*made, *made):
        sync(Memory.open(clone))
    assert views(made[0]) == views(made[1]) == views(made[2])
    known = {row[0] for row in Memory.open(made[0]).index.db.execute("SELECT id FROM events")}
    assert acknowledged <= known
    assert all(fsck.check(Memory.open(clone)).ok for clone in made)


def killed_between_trail_and_views(clone: Path, name: str) -> None:
    """Leave a clone as a SIGKILL right after the trail moved would: no index, no views."""
    from autoresearch_git.memory import trail

    repo = Memory.here(clone).repo
    old = Memory.open(clone).index.meta("tip")
    trail.append(repo, old, life(experiment(repo, name), random.Random(name))[:1])
