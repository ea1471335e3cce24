"""What a hand, a fetch, a full disk or a dead process can do: named, explained, nothing lost."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoresearch_git import refs
from autoresearch_git.errors import ArError
from autoresearch_git.git.lock import moving, writing
from autoresearch_git.memory import fsck, trail
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Event
from tests.memory.lab import experiment, git, life, new_repo
from tests.memory.storm import locks, readable_notes, storm, survivors


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    fill(folder)
    return folder


def fill(folder: Path, count: int = 4) -> Memory:
    memory, rng = Memory(new_repo(folder).place), random.Random(7)
    for k in range(count):
        memory.append(*life(experiment(memory.repo, str(k)), rng))
    return memory


def known(folder: Path) -> set[str]:
    rows = Memory.open(folder).index.db.execute("SELECT id FROM events WHERE experiment <> ''")
    return {row[0] for row in rows}


def test_a_trail_moved_back_by_hand_is_joined_again(lab: Path) -> None:
    before = known(lab)
    tip = git(lab, "rev-parse", refs.TRAIL)
    git(lab, "update-ref", refs.TRAIL, f"{tip}~5")
    memory = Memory.open(lab)
    assert "moved by hand" in memory.notices[0]
    assert git(lab, "rev-parse", refs.TRAIL) == tip
    git(lab, "update-ref", "-d", refs.TRAIL)
    assert "moved by hand" in Memory.open(lab).notices[0]
    assert git(lab, "rev-parse", refs.TRAIL) == tip
    assert known(lab) == before
    assert fsck.check(Memory.open(lab)).ok


def test_a_trail_clobbered_by_a_fetch_is_joined_with_it(lab: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    fill(other, 2)
    both = known(lab) | known(other)
    git(lab, "fetch", "-q", str(other), "+refs/ar/*:refs/ar/*", "+refs/notes/*:refs/notes/*")
    memory = Memory.open(lab)
    assert len(memory.notices) == 2  # the trail, and the notes
    assert known(lab) == both
    assert fsck.check(Memory.open(lab)).ok


def test_a_trail_that_points_to_no_trail_is_refused_with_the_cure(lab: Path) -> None:
    tip = git(lab, "rev-parse", refs.TRAIL)
    stranger = experiment(Memory.open(lab).repo, "of mine")
    git(lab, "update-ref", refs.TRAIL, stranger)
    with pytest.raises(ArError, match="no commit of a trail"):
        Memory.open(lab)
    (finding,) = fsck.check(Memory.here(lab)).findings
    assert f"git update-ref {refs.TRAIL} {tip}" in finding.text
    git(lab, "update-ref", refs.TRAIL, tip)
    assert fsck.check(Memory.open(lab)).ok


def test_a_trail_whose_objects_are_lost_goes_back_to_what_was_acknowledged(lab: Path) -> None:
    tip = git(lab, "rev-parse", refs.TRAIL)
    (lab / ".git" / refs.TRAIL).write_text("1234567890" * 4 + "\n")
    memory = Memory.open(lab)
    assert "is lost" in memory.notices[0]
    assert git(lab, "rev-parse", refs.TRAIL) == tip


def test_elites_that_point_to_nothing_are_found_and_mended(lab: Path) -> None:
    elite = next(iter(Memory.open(lab).repo.refs(refs.ELITES)))
    (lab / ".git" / elite).write_text("1234567890" * 4 + "\n")
    assert {f.about for f in fsck.check(Memory.here(lab)).findings} == {elite}
    fsck.repair(Memory.here(lab))
    assert fsck.check(Memory.here(lab)).ok
    assert git(lab, "cat-file", "-t", elite) == "commit"


@pytest.mark.parametrize("size", [0, 50, 5000, 20000])
def test_an_index_cut_short_is_made_again(lab: Path, size: int) -> None:
    before, memory = known(lab), Memory.open(lab)
    path = memory.index.path
    memory.index.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    memory.index.close()
    assert isinstance(path, Path)
    assert path.stat().st_size > size
    gc.collect()
    os.truncate(path, size)
    assert known(lab) == before


def test_an_index_damaged_inside_is_dropped_and_told(lab: Path) -> None:
    before, memory = known(lab), Memory.open(lab)
    path = memory.index.path
    memory.index.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    memory.index.close()
    assert isinstance(path, Path)
    data = bytearray(path.read_bytes())
    data[8192:] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    with contextlib.suppress(ArError):  # where it is met first, the command is run again
        known(lab)
    assert known(lab) == before


def test_a_clock_that_jumps_back_is_held(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory.open(lab)
    last = trail.read(memory.repo, memory.repo.ref(refs.TRAIL)).event
    monkeypatch.setattr(time, "time", lambda: last.time - 10**6)
    (event,) = memory.append(Event(kind="remark", remark="yesterday"))
    assert (event.time, event.seq) == (last.time, last.seq + 1)


def test_a_lock_left_by_a_killed_writer_is_cleared(lab: Path) -> None:
    memory = Memory.open(lab)
    with writing(memory.place), moving(memory.place, [refs.TRAIL]):
        left = (memory.place.private / "lock").read_bytes()
    lock = lab / ".git" / (refs.TRAIL + ".lock")
    lock.write_text("")
    (memory.place.private / "lock").write_bytes(left)  # as a SIGKILL would leave it
    memory.append(Event(kind="remark", remark="still here"))
    assert not lock.exists()


def test_a_lock_of_somebody_else_is_waited_for_and_named(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autoresearch_git.git.refstore._PATIENCE", 4)
    lock = lab / ".git" / (refs.TRAIL + ".lock")
    lock.write_text("")
    memory, before = Memory.open(lab), known(lab)
    with pytest.raises(ArError, match="stays locked") as error:
        memory.append(Event(kind="remark", remark="never"))
    assert error.value.hint == "run: git ar doctor"
    lock.unlink()
    memory.append(Event(kind="remark", remark="now"))
    assert known(lab) == before


def test_a_push_into_the_repository_beside_a_writer(lab: Path, tmp_path: Path) -> None:
    """Git programs move the trail without our lock: the writer takes that in, and tries again."""
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", "--mirror", str(lab), str(other))
    there, here = Memory.open(other), Memory.open(lab)
    there.append(Event(kind="remark", remark="there"))
    pushed = iter([True])

    def meanwhile() -> None:
        if next(pushed, False):
            git(other, "push", "-q", str(lab), f"{refs.TRAIL}:{refs.TRAIL}")

    here.append(Event(kind="remark", remark="here"), check=meanwhile)
    assert [e.remark for e in here.index.events("remark")] == ["there", "here"]
    assert fsck.check(here).ok


def test_an_experiment_that_is_not_there_is_refused(lab: Path) -> None:
    before = git(lab, "rev-parse", refs.TRAIL)
    with pytest.raises(ArError, match="missing"):
        Memory.open(lab).append(Event(kind="remark", commit="1234567890" * 4, remark="?"))
    assert git(lab, "rev-parse", refs.TRAIL) == before


@contextlib.contextmanager
def tmpfs(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def remount(folder: Path, how: str) -> None:
    gc.collect()  # a connection to the index is closed when it is collected
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def test_a_full_disk(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "small", "6m") as small:
        folder = small / "lab"
        memory = fill(folder, 2)
        acknowledged = known(folder)
        commit = experiment(memory.repo, "the last")
        (small / "ballast").write_bytes(b"")
        with contextlib.suppress(OSError), (small / "ballast").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        remark = Event(kind="remark", commit=commit, remark="x" * 5000)
        with pytest.raises(ArError) as error:
            memory.append(*[remark] * 50)
        assert "written" in error.value.message or "full" in error.value.message
        (small / "ballast").unlink()
        memory.index.close()
        again = Memory.open(folder)
        again.append(Event(kind="remark", remark="there is room again"))
        assert acknowledged <= known(folder)
        assert fsck.check(Memory.open(folder)).ok
        assert not locks(folder)


def test_a_read_only_repository_can_be_read(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "20m") as disk:
        folder = disk / "lab"
        fill(folder).index.close()
        before = known(folder)
        remount(disk, "ro")
        assert known(folder) == before
        with pytest.raises(ArError, match="cannot be written") as error:
            Memory.open(folder).append(Event(kind="remark", remark="?"))
        assert "writable" in error.value.hint
        del error  # its traceback holds the index open
        remount(disk, "rw")
        for path in (folder / ".git" / "ar").glob("index*"):
            path.unlink()
        remount(disk, "ro")
        assert known(folder) == before  # from the trail, into RAM


def test_formats_that_git_ar_cannot_use_are_named(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256", "long")
    with pytest.raises(ArError) as error:
        Memory.open(tmp_path / "long").append(Event(kind="remark", remark="?"))
    assert "SHA-1" in error.value.message
    folder = tmp_path / "table"
    new_repo(folder)
    git(folder, "config", "extensions.refStorage", "reftable")
    (folder / ".git" / "reftable").mkdir()
    with pytest.raises(ArError) as error:
        Memory.open(folder)
    assert "git refs migrate --ref-format=files" in error.value.hint


def test_a_shallow_clone_works(lab: Path, tmp_path: Path) -> None:
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com")
    for k in range(3):
        git(lab, *who, "commit", "-q", "--allow-empty", "-m", str(k))
    memory = Memory.open(lab)
    memory.append(*life(git(lab, "rev-parse", "HEAD"), random.Random(1)))
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{lab}", "flat")
    flat = tmp_path / "flat"
    git(flat, "fetch", "-q", "origin", f"{refs.TRAIL}:{refs.TRAIL}")
    assert known(flat) == known(lab)
    Memory.open(flat).append(Event(kind="remark", remark="from the shallow end"))
    git(flat, "push", "-q", "origin", f"{refs.TRAIL}:{refs.TRAIL}")
    assert [e.remark for e in Memory.open(lab).index.events("remark")] == ["from the shallow end"]


def test_writers_a_gc_and_kills_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "storm"
    done = storm(folder, 4, 12, kill=0.4, gc=True)
    assert not done.errors
    assert done.kills
    assert done.collections
    assert done.acknowledged <= survivors(folder)
    checked = fsck.check(Memory.open(folder))
    assert checked.ok, checked.findings
    assert readable_notes(folder) >= 8
    git(folder, "fsck", "--no-dangling")
    assert not locks(folder)
