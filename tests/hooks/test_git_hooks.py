"""Git's hooks on real git: what fires them, what they queue, and what they leave alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from autoresearch_git.hooks import queue
from tests.hooks.support import idea, research, settled
from tests.support import Sandbox


@pytest.fixture
def lab(sandbox: Sandbox) -> Sandbox:
    """A research with git's hooks installed."""
    research(sandbox)
    sandbox.ok("hooks", "install")
    return sandbox


@pytest.fixture
def parked(lab: Sandbox) -> Sandbox:
    """The same, with the worker kept from starting, so that the queue can be looked at."""
    (lab.folder / ".git" / "ar" / "worker.log").mkdir(parents=True)
    return lab


def waiting(sandbox: Sandbox) -> list[str]:
    return [i.oid for i in queue.waiting(sandbox.folder / ".git" / "ar") if i.kind == "commit"]


def test_ten_commits_by_hand_give_ten_reviewed_experiments_in_order(lab: Sandbox) -> None:
    oids = [idea(lab, 256 + 16 * n) for n in range(1, 11)]
    settled(lab.folder, 120)
    found = [e for e in lab.records("log") if e["plan"]["emitter"] == "person"]
    assert [e["commit"] for e in found] == oids
    assert all(e["decision"]["verdict"] == e["review"]["verdict"] for e in found)
    decided = lab.git("log", "--first-parent", "--reverse", "--format=%s %P", "refs/ar/trail")
    order = [line.split()[-1] for line in decided.splitlines() if line.startswith("ar: decision")]
    assert [oid for oid in order if oid in oids] == oids
    assert lab.git("rev-parse", "HEAD") == oids[-1]
    assert lab.git("symbolic-ref", "HEAD") == "refs/heads/autoresearch/demo"
    assert lab.git("status", "--porcelain") == ""


def test_what_is_no_experiment_is_not_queued(parked: Sandbox) -> None:
    first = idea(parked, 272)
    second = idea(parked, 288)
    assert waiting(parked) == [first, second]
    parked.write("notes.md", "x")
    parked.git("add", "notes.md")
    parked.git("commit", "-qm", "Write notes")
    parked.git("switch", "-qc", "elsewhere", "HEAD~2")
    idea(parked, 304)  # no research branch
    parked.git("switch", "-q", "--detach")
    idea(parked, 320)
    parked.git("switch", "-q", "autoresearch/demo")
    parked.git("cherry-pick", "-X", "theirs", "elsewhere")
    parked.git("merge", "-q", "--no-ff", "-s", "ours", "-m", "exp: not an idea", "HEAD@{1}")
    parked.git("rebase", "-q", "-f", "HEAD~2")
    assert waiting(parked) == [first, second]


def test_a_commit_in_a_linked_worktree(lab: Sandbox, tmp_path: Path) -> None:
    lab.git("switch", "-q", "main")
    lab.git("worktree", "add", "-q", str(tmp_path / "linked"), "autoresearch/demo")
    linked = Sandbox(tmp_path / "linked")
    oid = idea(linked, 300)
    settled(lab.folder)
    (found,) = [e for e in lab.records("log") if e["commit"] == oid]
    assert found["decision"]
    assert linked.git("status", "--porcelain") == ""
    assert lab.git("status", "--porcelain") == ""


def test_notes_follow_amend_and_rebase_while_the_target_stays(lab: Sandbox) -> None:
    idea(lab, 300)
    settled(lab.folder)
    before = lab.git("notes", "--ref=ar", "show", "HEAD")
    lab.git("commit", "-q", "--amend", "-m", "exp: a better subject")
    settled(lab.folder)
    assert lab.git("notes", "--ref=ar", "show", "HEAD") == before
    lab.write("notes.md", "x")
    lab.git("add", "notes.md")
    lab.git("switch", "-qc", "side", "HEAD~1")
    lab.git("commit", "-qm", "Write notes")
    lab.git("switch", "-q", "autoresearch/demo")
    lab.git("rebase", "-q", "side")
    settled(lab.folder)
    assert lab.git("notes", "--ref=ar", "show", "HEAD") == before
    assert len([e for e in lab.records("log") if e["plan"]["emitter"] == "person"]) == 1


def test_an_idea_amended_before_its_run_is_run_once(parked: Sandbox) -> None:
    idea(parked, 300)
    parked.write("train.py", (parked.folder / "train.py").read_text().replace("300", "310"))
    parked.git("commit", "-qa", "--amend", "--no-edit")
    (parked.folder / ".git" / "ar" / "worker.log").rmdir()
    queue.start_worker(parked.folder / ".git" / "ar")
    settled(parked.folder)
    ran = [e for e in parked.records("log") if e["plan"]["emitter"] == "person" and e["runs"]]
    assert [e["commit"] for e in ran] == [parked.git("rev-parse", "HEAD")]


def test_the_subject_gets_one_form_and_trailers(parked: Sandbox) -> None:
    idea(parked, 300, "EXP :   wider\n\nIt underfits.\n\nExpected: -0.01")
    message = parked.git("log", "-1", "--format=%B").strip()
    assert message == "exp: wider\n\nIt underfits.\n\nExpected: -0.01\nEmitter: person"
    parked.write("train.py", "x = 1\n")
    for subject in ("exp:", "exp: lower\n\nExpected: a lot"):
        done = subprocess.run(
            ("git", "commit", "-qam", subject),
            cwd=parked.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "git ar:" in done.stderr


def test_more_than_the_target_is_said_but_not_refused(parked: Sandbox) -> None:
    parked.write("prepare.py", "EVAL_TOKENS = 1\n")
    parked.write("train.py", "x = 1\n")
    parked.write("helper.py", "y = 1\n")
    parked.git("add", "-A")
    done = subprocess.run(
        ("git", "commit", "-qm", "exp: both"),
        cwd=parked.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "this changes prepare.py" in done.stderr
    assert "also changes helper.py" in done.stderr


def test_research_refs_are_not_pushed_unless_asked(lab: Sandbox, tmp_path: Path) -> None:
    idea(lab, 300)
    settled(lab.folder)
    remote = tmp_path / "remote.git"
    subprocess.run(("git", "init", "-q", "--bare", str(remote)), check=True)
    lab.git("remote", "add", "origin", str(remote))
    lab.git("push", "-q", "origin", "main")

    def push(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ("git", "push", "-q", "origin", *args),
            cwd=lab.folder,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
        )

    for spec in ("--all", "refs/ar/trail", "refs/notes/ar", "HEAD", "--mirror"):
        done = push(spec)
        assert done.returncode != 0, spec
        assert "it holds research" in done.stderr
    assert push("refs/notes/ar", AR_PUSH="1").returncode == 0
    lab.git("config", "ar.push", "true")
    assert push("HEAD").returncode == 0


@pytest.mark.parametrize("kind", ["none", "own", "legacy", "husky"])
def test_uninstall_restores_byte_for_byte(sandbox: Sandbox, kind: str) -> None:
    research(sandbox)
    folder = sandbox.folder / ".git" / "hooks"
    if kind == "husky":
        folder = sandbox.folder / ".husky"
        sandbox.git("config", "core.hooksPath", ".husky/_")
    folder.mkdir(exist_ok=True)
    if kind in ("own", "husky"):
        for name in ("post-commit", "pre-push"):
            (folder / name).write_bytes(b'#!/bin/sh\necho \xff mine >> "$HOME/called"\n')
            (folder / name).chmod(0o644 if kind == "husky" else 0o755)

    def state() -> dict[str, tuple[str, int]]:
        return {
            str(p.relative_to(folder)): (hashlib.sha1(p.read_bytes()).hexdigest(), p.stat().st_mode)
            for p in folder.rglob("*")
            if p.is_file()
        }

    before, config = state(), sandbox.git("config", "--local", "--list")
    sandbox.ok("hooks", "install")
    once = state()
    sandbox.ok("hooks", "install")
    assert state() == once != before
    if kind == "legacy":  # the pre-commit framework takes the place of ours, and calls it
        (folder / "post-commit").rename(folder / "post-commit.legacy")
        (folder / "post-commit").write_text('#!/bin/sh\n"$0.legacy" "$@"\n')
        (folder / "post-commit").chmod(0o755)
        sandbox.ok("hooks", "install")
        assert "post-commit    beside" in sandbox.ok("hooks", "status")
        (folder / "post-commit").unlink()
    sandbox.ok("hooks", "uninstall")
    assert state() == before
    assert sandbox.git("config", "--local", "--list") == config


def test_a_husky_hook_that_was_there_still_runs(sandbox: Sandbox) -> None:
    research(sandbox)
    sandbox.git("config", "core.hooksPath", ".husky/_")
    (sandbox.folder / ".husky/_").mkdir(parents=True)
    runner = sandbox.folder / ".husky/_/pre-commit"  # called by git as .husky/_/pre-commit
    runner.write_text('#!/bin/sh\nexec sh -e "${0%/_/*}/pre-commit" "$@"\n')
    runner.chmod(0o755)
    (sandbox.folder / ".husky/pre-commit").write_text("echo mine >> called\n")  # not executable
    sandbox.ok("hooks", "install")
    sandbox.git("commit", "-q", "--allow-empty", "-m", "x")
    assert (sandbox.folder / "called").read_text() == "mine\n"


def test_under_lefthook_its_local_configuration_calls_ours(sandbox: Sandbox) -> None:
    research(sandbox)
    (sandbox.folder / "lefthook.yml").touch()
    assert "lefthook       none" in sandbox.ok("hooks", "status")
    assert "lefthook install" in sandbox.ar("hooks", "install").stderr
    assert "lefthook       ours" in sandbox.ok("hooks", "status")
    sandbox.ok("hooks", "uninstall")
    assert not (sandbox.folder / "lefthook-local.yml").exists()


def test_a_hook_that_was_there_still_runs(sandbox: Sandbox) -> None:
    research(sandbox)
    folder = sandbox.folder / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in ("post-commit", "pre-commit", "post-rewrite"):
        (folder / name).write_text(f"#!/bin/sh\necho {name} $(cat) >> called\n")
        (folder / name).chmod(0o755)
    sandbox.ok("hooks", "install")
    sandbox.write("notes.md", "x")
    sandbox.git("add", "notes.md")
    sandbox.git("commit", "-qm", "Write notes")
    old = sandbox.git("rev-parse", "HEAD")
    sandbox.git("commit", "-q", "--amend", "-m", "Write more notes")
    called = (sandbox.folder / "called").read_text().split("\n")
    assert called.count("pre-commit") == 2
    assert f"post-rewrite {old} {sandbox.git('rev-parse', 'HEAD')}" in called


def test_the_caller_of_git_commit_need_not_wait_for_the_run(lab: Sandbox) -> None:
    text = (lab.folder / "train.py").read_text()
    lab.write("train.py", text.replace("import os", "import os, time\n\ntime.sleep(4)"))
    subprocess.run(  # capture_output waits for all who hold the pipe open
        ("git", "commit", "-qam", "exp: slow"), cwd=lab.folder, capture_output=True, check=True
    )
    assert waiting(lab)
    settled(lab.folder)
    assert lab.records("log")[-1]["runs"][0]["seconds"] > 3
