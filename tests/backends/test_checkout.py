"""The clean checkout: exactly the commit's files, whatever the last run did to the folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from autoresearch_git.backends.ray import node
from autoresearch_git.errors import GitError
from autoresearch_git.git import checkout
from tests.backends.lab import Lab


@pytest.fixture
def slot(lab: Lab) -> Path:
    return lab.private / "slots/0"


def listing(folder: Path) -> dict[str, str]:
    """What is in a folder: path -> kind and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link {os.readlink(path)}"
        elif path.is_file():
            mode = stat.S_IMODE(path.lstat().st_mode)
            found[name] = f"{mode:o} {path.read_text()}"
    return found


def tree_of(lab: Lab) -> str:
    """A commit with a folder, an executable, a link and a plain file."""
    (lab.repo / "src/deep").mkdir(parents=True, exist_ok=True)
    (lab.repo / "src/deep/a.py").write_text("a")
    (lab.repo / "run.sh").write_text("#!/bin/sh\n")
    (lab.repo / "run.sh").chmod(0o755)
    (lab.repo / "link").symlink_to("src/deep/a.py")
    return lab.commit(train__py="train")


EXPECTED = {
    "link": "link src/deep/a.py",
    "run.sh": "755 #!/bin/sh\n",
    "src/deep/a.py": "644 a",
    "train.py": "644 train",
}


def test_it_is_the_commit(lab: Lab, slot: Path) -> None:
    assert listing(checkout.materialize(lab.repo, tree_of(lab), slot)) == EXPECTED


def test_its_contents_can_be_written_elsewhere(lab: Lab, slot: Path) -> None:
    commit = tree_of(lab)
    right = lab.git("rev-parse", f"{commit}:run.sh")
    for path, (mode, data) in checkout.contents(lab.repo, commit, {"train.py": right}).items():
        node.write(slot / path, mode, data)
    assert listing(slot) == EXPECTED | {"train.py": "644 #!/bin/sh\n"}


def test_only_what_changed_is_written_again(lab: Lab, slot: Path) -> None:
    first = tree_of(lab)
    tree = checkout.materialize(lab.repo, first, slot)
    before = {name: (tree / name).lstat().st_ino for name in EXPECTED}
    second = lab.commit(train__py="other")
    checkout.materialize(lab.repo, second, slot)
    after = {name: (tree / name).lstat().st_ino for name in EXPECTED}
    assert (tree / "train.py").read_text() == "other"
    assert {n for n in EXPECTED if before[n] != after[n] and n != "train.py"} == set()


def vandalize_modes(tree: Path) -> None:
    (tree / "run.sh").chmod(0o600)
    (tree / "src").chmod(0)
    (tree / "stray").mkdir()
    (tree / "stray/x").write_text("x")
    (tree / "stray").chmod(0)


def vandalize_silently(tree: Path) -> None:
    """Same size, same mtime: only ctime tells."""
    path = tree / "train.py"
    old = path.stat()
    path.write_text("TRAIN")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def vandalize_links(tree: Path) -> None:
    outside = tree.parent.parent / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("outside")
    (tree / "src/deep/a.py").unlink()
    (tree / "src/deep").rmdir()
    (tree / "src/deep").symlink_to(outside)
    (tree / "train.py").unlink()
    (tree / "train.py").symlink_to(outside / "a.py")
    (tree / "link").unlink()
    (tree / "link").mkdir()


def vandalize_by_hard_link(tree: Path) -> None:
    os.link(tree / "train.py", tree.parent / "kept")


def vandalize_all(tree: Path) -> None:
    import shutil

    shutil.rmtree(tree)


def vandalize_with_git(tree: Path) -> None:
    (tree / ".git").mkdir()
    (tree / ".git/HEAD").write_text("ref: refs/heads/x")
    (tree / "train.py").unlink()
    os.mkfifo(tree / "train.py")


def vandalize_deep(tree: Path) -> None:
    here = os.getcwd()
    os.chdir(tree)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(here)


VANDALS = [
    vandalize_modes,
    vandalize_silently,
    vandalize_links,
    vandalize_by_hard_link,
    vandalize_all,
    vandalize_with_git,
    vandalize_deep,
]


@pytest.mark.parametrize("vandal", VANDALS, ids=lambda v: v.__name__)
def test_it_recovers_from(lab: Lab, slot: Path, vandal) -> None:
    commit = tree_of(lab)
    tree = checkout.materialize(lab.repo, commit, slot)
    inode = (tree / "train.py").lstat().st_ino
    vandal(tree)
    assert listing(checkout.materialize(lab.repo, commit, slot)) == EXPECTED
    assert not (tree / ".git").exists()
    if vandal is vandalize_by_hard_link:  # else writing to the other name would change ours later
        assert (tree / "train.py").lstat().st_ino != inode
    outside = slot.parent / "outside/a.py"
    assert not outside.exists() or outside.read_text() == "outside"


def test_protected_files_come_from_their_blobs(lab: Lab, slot: Path) -> None:
    honest = lab.commit(prepare__py="honest", train__py="1")
    blob = lab.git("rev-parse", f"{honest}:prepare.py")
    hacked = lab.commit(prepare__py="hacked")
    tree = checkout.materialize(lab.repo, hacked, slot, {"prepare.py": blob, "data/x.txt": blob})
    assert listing(tree) == {
        "data/x.txt": "644 honest",
        "prepare.py": "644 honest",
        "train.py": "644 1",
    }


def test_protected_files_cannot_be_led_astray(lab: Lab, slot: Path) -> None:
    honest = lab.commit(prepare__py="honest", train__py="1")
    blob = lab.git("rev-parse", f"{honest}:prepare.py")
    (lab.repo / "data").symlink_to("/tmp")
    (lab.repo / "prepare.py").unlink()
    (lab.repo / "prepare.py").symlink_to("train.py")
    commit = lab.commit(train__py="2")
    tree = checkout.materialize(lab.repo, commit, slot, {"prepare.py": blob, "data/x.txt": blob})
    assert listing(tree) == {
        "data/x.txt": "644 honest",
        "prepare.py": "644 honest",
        "train.py": "644 2",
    }


def test_a_submodule_is_refused(lab: Lab, slot: Path) -> None:
    head = lab.commit(train__py="1")
    lab.git("update-index", "--add", "--cacheinfo", f"160000,{head},lib")
    lab.git("commit", "-q", "-m", "x")
    with pytest.raises(GitError, match="lib is a submodule") as caught:
        checkout.materialize(lab.repo, lab.git("rev-parse", "HEAD"), slot)
    assert caught.value.hint


def test_a_tree_that_reaches_out_is_refused(lab: Lab, slot: Path) -> None:
    import pygit2

    repo = pygit2.Repository(str(lab.repo))
    blob = lab.git("rev-parse", lab.commit(train__py="1") + ":train.py")
    for name in (b"..", b".git", b".GIT"):
        raw = b"100644 " + name + b"\0" + bytes.fromhex(blob)
        tree = repo.odb.write(pygit2.enums.ObjectType.TREE, raw)
        who = pygit2.Signature("a", "a@b", 0, 0)
        commit = repo.create_commit(None, who, who, "x", tree, [])
        with pytest.raises(GitError, match="cannot be checked out safely"):
            checkout.materialize(lab.repo, str(commit), slot)


def test_a_kill_half_way_is_not_believed(lab: Lab, slot: Path, monkeypatch) -> None:
    commit = tree_of(lab)
    tree = checkout.materialize(lab.repo, commit, slot)
    monkeypatch.setattr(checkout, "_save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        checkout.materialize(lab.repo, lab.commit(train__py="new"), slot)
    monkeypatch.undo()
    (tree / "run.sh").write_text("#!/bin/xx\n")
    assert listing(checkout.materialize(lab.repo, commit, slot)) == EXPECTED
