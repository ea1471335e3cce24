"""fsck names every difference between trail and views, and mends views only."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from autoresearch_git import refs
from autoresearch_git.git import locate
from autoresearch_git.git.repo import EMPTY_TREE
from autoresearch_git.memory import doctor, fsck, gc, logs
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event, Run
from tests.memory.lab import KLASS, experiment, git, life, new_repo
from tests.support import Sandbox


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A repository with a dozen experiments."""
    folder = tmp_path / "lab"
    memory, rng = Memory(new_repo(folder).place), random.Random(7)
    for k in range(12):
        memory.append(*life(experiment(memory.repo, str(k)), rng))
    return folder


def wrong(folder: Path) -> set[tuple[str, str]]:
    """(what, about) of all errors."""
    found = fsck.check(Memory.here(folder)).findings
    return {(f.what, f.about) for f in found if f.level == fsck.ERROR}


def mended(folder: Path) -> bool:
    fsck.repair(Memory.here(folder))
    return not wrong(folder)


def test_a_sound_memory_has_nothing_to_say(lab: Path) -> None:
    checked = fsck.check(Memory.open(lab))
    assert checked.ok
    assert (checked.events, checked.experiments) == (48, 12)


def test_every_view_is_compared(lab: Path) -> None:
    index = Memory.open(lab).index
    before = git(lab, "for-each-ref")
    commit = index.near("", 1)[0]
    elite = next(iter(Memory.open(lab).repo.refs(refs.ELITES)))
    tag = next(iter(Memory.open(lab).repo.refs(refs.NEAR_MISSES)))
    damage = {
        ("notes", commit): lambda: git(lab, "notes", "--ref=ar", "add", "-f", "-m", "mine", commit),
        ("elite", elite): lambda: git(lab, "update-ref", elite, commit),
        ("near-miss", tag): lambda: git(lab, "update-ref", "-d", tag),
        ("elite", refs.elite("gone", "x")): lambda: git(
            lab, "update-ref", refs.elite("gone", "x"), commit
        ),
        ("index", "tallies"): lambda: index.db.execute("UPDATE tallies SET tries = tries + 1"),
        ("index", "experiments"): lambda: index.db.execute("DELETE FROM experiments"),
    }
    for expected, harm in damage.items():
        harm()
        assert expected in wrong(lab)
        assert mended(lab)
    assert git(lab, "for-each-ref") == before


def test_what_is_wrong_with_the_trail_is_named_and_left(lab: Path) -> None:
    def hand_made(body: str, *parents: str) -> str:
        tip = git(lab, "rev-parse", refs.TRAIL)
        git(lab, "hash-object", "-t", "tree", "-w", "--stdin")
        more = [a for parent in parents for a in ("-p", parent)]
        new = git(lab, "commit-tree", EMPTY_TREE, "-p", tip, *more, "-m", f"ar: run\n\n{body}")
        git(lab, "update-ref", refs.TRAIL, new)
        return new

    broken = hand_made("{broken")
    newer = hand_made('{"kind":"run","v":99,"seq":50}')
    foreign = hand_made('{"kind":"dance","v":1,"seq":51}')
    loose = experiment(Memory.open(lab).repo, "not held")
    unheld = hand_made(json.dumps({"kind": "remark", "v": 1, "seq": 52, "commit": loose}))
    backwards = hand_made(json.dumps({"kind": "remark", "v": 1, "seq": 3, "id": "x"}))
    assert mended(lab) is False
    checked = fsck.check(Memory.open(lab))
    levels = {f.about: f.level for f in checked.findings}
    assert levels[broken] == levels[unheld] == levels[backwards] == fsck.ERROR
    assert levels[newer] == levels[foreign] == fsck.NOTE
    assert git(lab, "rev-parse", refs.TRAIL) == backwards
    assert checked.events == 53


def test_a_missing_log_and_a_missing_experiment_are_named(lab: Path) -> None:
    memory = Memory.open(lab)
    commit = experiment(memory.repo, "logged")
    memory.append(*life(commit, random.Random(1))[:2], log=b"some lines\n" * 50)
    (entry,) = [oid for oid, kind, _ in memory.index.trail_of(commit) if kind == "run"]
    assert not wrong(lab)
    for oid in (git(lab, "rev-parse", f"{entry}:{logs.NAME}"), commit):
        (lab / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    assert wrong(lab) == {("log", entry), ("experiment", commit)}


def test_two_runs_of_one_name_are_told(lab: Path) -> None:
    memory = Memory.open(lab)
    commit = experiment(memory.repo, "twins")
    twins = [Run(run="same", outcome="ok", seconds=s, klass=KLASS, value=s) for s in (1.0, 2.0)]
    memory.append(*(Event(kind="run", commit=commit, run=run) for run in twins))
    (finding,) = fsck.check(memory).findings
    assert (finding.level, finding.about) == (fsck.NOTE, commit)
    found = memory.experiment(commit)
    assert found is not None
    assert [run.value for run in found.runs] == [1.0]


def test_the_verb_says_it_with_its_status(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2")
    assert "all views follow from the trail" in sandbox.ok("fsck", "--no-json")
    sandbox.git("notes", "--ref=ar", "remove", sandbox.records("log")[0]["commit"])
    done = sandbox.ar("fsck", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False
    assert "git ar fsck --repair" in done.stderr
    assert "repaired: notes" in sandbox.ok("fsck", "--repair", "--no-json")
    assert sandbox.records("fsck")[0]["ok"] is True


def test_gc_drops_old_views_and_never_an_event(lab: Path) -> None:
    memory = Memory.open(lab)
    before = git(lab, "for-each-ref")
    oids = memory.index.near("", 99)
    loose = int(git(lab, "count-objects").split()[0])
    gc.collect(memory, prune="now")
    assert int(git(lab, "count-objects").split()[0]) == 0 < loose
    assert all(git(lab, "cat-file", "-t", oid) == "commit" for oid in oids)
    assert git(lab, "for-each-ref") == before
    assert not git(lab, "fsck", "--unreachable", "--no-reflogs")
    assert fsck.check(Memory.open(lab)).ok
    memory.append(*life(experiment(memory.repo, "after"), random.Random(0)))
    assert fsck.check(Memory.open(lab)).ok


def test_the_doctor_finds_what_could_harm(lab: Path) -> None:
    place = locate.find(lab)
    quiet = {ailment.what for ailment in doctor.examine(place)}
    assert quiet == {"remote"}
    lock = place.common / "refs" / "ar" / "trail.lock"
    lock.touch()
    assert not doctor.stale_locks(place)  # too young: its process may be at work
    os.utime(lock, (time.time() - 999,) * 2)
    git(lab, "remote", "add", "origin", "/x")
    git(lab, "config", "--add", "remote.origin.fetch", "+refs/notes/*:refs/notes/*")
    git(lab, "config", "ar.fsync", "false")
    git(lab, "config", "--global", "--unset", "user.email")
    (place.common / "shallow").write_text("")
    (place.common / "info").mkdir(exist_ok=True)
    (place.common / "info" / "grafts").write_text("0" * 40 + "\n")
    (place.common / "gc.pid").write_text("1 host")
    os.utime(place.common / "gc.pid", (time.time() - 13 * 3600,) * 2)
    found = {ailment.what: ailment for ailment in doctor.examine(place)}
    expected = {"lock", "refspec", "fsync", "identity", "shallow", "grafts", "gc.pid"}
    assert expected <= set(found)
    assert found["lock"].level == "error"
    assert doctor.cure(place) == ["refs/ar/trail.lock"]
    assert "lock" not in {ailment.what for ailment in doctor.examine(place)}


@pytest.mark.parametrize(("cap", "whole"), [(10**6, True), (2000, False)])
def test_a_log_is_capped_with_head_and_tail(cap: int, whole: bool) -> None:
    rng = random.Random(0)
    log = b"".join(b"step %d loss %f\n" % (k, rng.random()) for k in range(3000))
    import zlib

    packed = logs.squeeze(log, cap)
    text = zlib.decompress(packed)
    assert len(packed) <= cap
    assert (text == log) is whole
    assert text.startswith(b"step 0 ")
    assert text.endswith(log[-100:])
    assert (b"bytes left out" in text) is not whole


@pytest.mark.parametrize(("policy", "kept"), [("all", 2), ("failed", 1), ("none", 0)])
def test_whose_logs_are_kept_is_a_setting(lab: Path, policy: str, kept: int) -> None:
    git(lab, "config", "ar.logs.keep", policy)
    memory = Memory.open(lab)
    found = 0
    for outcome in ("ok", "crash"):
        commit = experiment(memory.repo, outcome)
        run = Run(run=outcome, outcome=outcome, seconds=1.0, klass=KLASS)
        memory.append(Event(kind="run", commit=commit, run=run), log=b"text")
        found += memory.log(commit) == b"text"
    assert found == kept
