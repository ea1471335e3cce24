"""The four verbs as processes, in a pipe and alone, on real git."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_git.records import KEEPS, Experiment
from autoresearch_git.research import Research
from autoresearch_git.stages import select as stage
from tests.support import Sandbox


def pipe(sandbox: Sandbox, *verbs: str) -> list[dict[str, object]]:
    """`git ar A | git ar B | ...` as a shell would start it."""
    text = " | ".join(f"{sys.executable} -m autoresearch_git {verb}" for verb in verbs)
    done = subprocess.run(text, shell=True, cwd=sandbox.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_pipe_makes_a_baseline_then_experiments(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.git("config", "ar.jobs", "2")
    (baseline,) = pipe(sandbox, "propose", "run", "review", "select")
    assert baseline["decision"]["verdict"] == "keep"
    assert baseline["runs"][0]["value"] == baseline["review"]["value"]
    found = pipe(sandbox, "propose -n 3 --seed 1", "run", "review", "select")
    assert len({e["commit"] for e in found}) == 3
    assert all(e["runs"][0]["outcome"] == "ok" for e in found)
    logged = sandbox.records("log")
    assert [e["seq"] for e in logged] == sorted(e["seq"] for e in logged)
    assert {e["commit"] for e in logged} == {baseline["commit"], *(e["commit"] for e in found)}
    notes = sandbox.git("log", "--notes=ar", "--format=%N", "autoresearch/demo", "-1")
    assert "Verdict: " in notes


@pytest.mark.usefixtures("two_classes")
def test_what_ran_on_other_hardware_is_judged_once_the_tip_ran_there(sandbox: Sandbox) -> None:
    """The error's hint, followed word by word, is the cure."""
    sandbox.research()
    sandbox.ok("loop", "--runs", "1", "--jobs", "1")
    (made,) = pipe(sandbox, "propose --seed 1")
    commit = made["commit"]
    pipe(sandbox, f"run --jobs 2 {commit}")
    refused = sandbox.ar("review", commit)
    assert refused.returncode == 1
    first, second = refused.stderr.split("--jobs: ")[1].strip().split("; then ")
    first = first.replace("git ar run", "run --jobs 2")
    pipe(sandbox, *first.split(" | git ar "))
    (judged,) = pipe(sandbox, *second.replace("git ar ", "").split(" | "))
    assert judged["commit"] == commit
    assert judged["review"]["delta"] is not None


def test_the_users_tree_index_and_branch_stay_as_they_are(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.write("train.py", "half an idea")
    sandbox.write("notes.txt", "mine")
    sandbox.git("add", "notes.txt")
    before = (
        sandbox.git("status", "--porcelain=v2", "--branch"),
        sandbox.git("rev-parse", "HEAD"),
        (sandbox.folder / "train.py").read_text(),
    )
    pipe(sandbox, "loop --runs 5 --json")
    after = (
        sandbox.git("status", "--porcelain=v2", "--branch"),
        sandbox.git("rev-parse", "HEAD"),
        (sandbox.folder / "train.py").read_text(),
    )
    assert before == after


def test_keeps_move_the_branch_in_one_line(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "15", "--seed", "3")
    kept = [e for e in sandbox.records("log") if e["decision"]["verdict"].startswith("keep")]
    story = sandbox.git(
        "log", "--first-parent", "--format=%s", "autoresearch/demo", "--not", "main"
    )
    assert len(story.splitlines()) == len(kept)
    best = min(e["review"]["value"] for e in kept)
    assert best < kept[0]["review"]["value"]


def test_a_worktree_on_the_research_branch_follows_and_loses_nothing(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.git("switch", "-q", "autoresearch/demo")
    sandbox.write("mine.txt", "not yet added")
    sandbox.ok("loop", "--runs", "10", "--seed", "3")
    assert sandbox.git("rev-parse", "HEAD") != sandbox.git("rev-parse", "main")
    assert sandbox.git("status", "--porcelain") == "?? mine.txt"
    sandbox.write("train.py", (sandbox.folder / "train.py").read_text() + "# mine\n")
    done = sandbox.ar("loop", "--runs", "10", "--seed", "4")
    assert done.returncode == 0
    assert (sandbox.folder / "train.py").read_text().endswith("# mine\n")


def test_an_idea_from_the_worktree(sandbox: Sandbox) -> None:
    sandbox.research()
    pipe(sandbox, "propose", "run", "review", "select")
    text = (sandbox.folder / "train.py").read_text()
    sandbox.write("train.py", text.replace("WIDTH = 256", "WIDTH = 512"))
    (mine,) = sandbox.records("propose", "--from-worktree", "-m", "wider: it underfits")
    assert mine["plan"]["emitter"] == "person"
    subject = sandbox.git("log", "-1", "--format=%s", mine["commit"])
    assert subject == "exp: wider: it underfits"
    assert sandbox.git("diff", "--name-only", "autoresearch/demo", mine["commit"]) == "train.py"
    again = sandbox.ar("propose", "--from-worktree", "-m", "the same")
    assert again.returncode == 1
    assert f"already tried as {mine['commit'][:9]}" in again.stderr


def test_a_mirror_knows_the_same(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "4")
    sandbox.git("reflog", "expire", "--expire=all", "--all")
    sandbox.git("gc", "-q", "--prune=now")
    copy = sandbox.folder.parent / "copy.git"
    sandbox.git("clone", "-q", "--mirror", ".", str(copy))
    for verb in (("log", "--json"), ("status", "--json"), ("log", "--no-json")):
        assert sandbox.ok(*verb) == sandbox.ok(*verb, cwd=copy)


def test_fsck_finds_nothing_wrong_in_a_fresh_mirror(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "4")
    sandbox.git("clone", "-q", "--mirror", ".", str(tmp_path / "mirror.git"))
    assert '"findings": []' in sandbox.ok("fsck", "--json", cwd=tmp_path / "mirror.git")


def test_git_itself_has_nothing_to_complain_of(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("propose", "--set", "WIDTH=255")  # hardly worse
    sandbox.ok("loop", "--runs", "2")
    assert sandbox.git("tag", "--list", "near-miss/*")
    niches = sandbox.git("for-each-ref", "--format=%(refname)", "refs/ar/elites").split()
    assert all("ar: " in sandbox.git("reflog", "show", niche) for niche in niches)
    for words in (("gc", "--prune=now"), ("fsck", "--strict"), ("reflog", "expire", "--all")):
        done = subprocess.run(
            ["git", *words, "--quiet"] if words[0] == "gc" else ["git", *words],
            cwd=sandbox.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert "error" not in done.stderr, words


def test_what_has_a_result_is_not_run_again(sandbox: Sandbox) -> None:
    sandbox.research()
    (first,) = pipe(sandbox, "propose", "run")
    (again,) = sandbox.records("run", first["commit"])
    assert again["runs"] == first["runs"]
    (twice,) = sandbox.records("run", "--replicate", first["commit"])
    assert [run["seed"] for run in twice["runs"]] == [42, 43]


def test_unknown_fields_are_passed_on(sandbox: Sandbox) -> None:
    sandbox.research()
    (record,) = sandbox.records("propose")
    record["colour"] = "green"
    (after,) = sandbox.records("run", stdin=json.dumps(record) + "\n")
    assert after["colour"] == "green"
    assert after["runs"]


def test_a_crash_and_a_run_without_metric_are_facts(sandbox: Sandbox) -> None:
    sandbox.research()
    pipe(sandbox, "propose", "run", "review", "select")
    text = (sandbox.folder / "train.py").read_text()
    for broken, outcome in (
        (text.replace("main()\n", 'raise RuntimeError("shape 128 != 64")\n'), "crash"),
        (text.replace('print(f"val_bpb', 'str(f"val_bpb'), "no-metric"),
        (text.replace("{bpb:.6f}", "nan"), "nan"),
    ):
        sandbox.write("train.py", broken)
        (e,) = pipe(sandbox, f"propose --from-worktree -m {outcome}", "run", "review", "select")
        assert e["runs"][0]["outcome"] == outcome
        assert e["runs"][0].get("value") is None
        assert e["decision"]["verdict"] in ("crash", "invalid")
    assert sandbox.git("rev-parse", "autoresearch/demo") != e["commit"]


def test_show_has_the_review_the_diff_and_the_log(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2", "--seed", "1")
    last = sandbox.records("log")[-1]["commit"]
    text = sandbox.ok("show", "--no-json", last)
    assert "Reason: " in text
    assert "+++ b/train.py" in text
    assert "val_bpb:" in sandbox.ok("show", "--log", last[:9])


def two_ideas(sandbox: Sandbox) -> list[str]:
    """A research with a baseline, and two better experiments that were run."""
    sandbox.research()
    pipe(sandbox, "propose", "run", "review", "select")
    ideas = [
        sandbox.records("propose", "--set", f"LEARNING_RATE={rate}", "-m", f"rate {rate}")
        for rate in (0.02, 0.03)
    ]
    commits = [made["commit"] for (made,) in ideas]
    sandbox.ok("run", *commits)
    return commits


def test_a_review_that_was_overtaken_is_made_again(sandbox: Sandbox) -> None:
    """Both beat the baseline when they are reviewed; the second must not take the branch back."""
    better, good = two_ideas(sandbox)
    assert all(e["review"]["verdict"] in KEEPS for e in sandbox.records("review", better, good))
    sandbox.ok("select", better)
    (late,) = sandbox.records("select", good)
    assert late["decision"]["verdict"] not in KEEPS
    assert sandbox.git("rev-parse", "autoresearch/demo") == better


def test_an_idea_older_than_the_baseline_becomes_the_incumbent(sandbox: Sandbox) -> None:
    """Ideas may wait before anything ran; a keep of theirs is what the next must beat."""
    sandbox.research()
    better, good = (
        sandbox.records("propose", "--set", f"LEARNING_RATE={rate}", "-m", f"rate {rate}")[0]
        for rate in (0.02, 0.03)
    )
    sandbox.ok("loop", "--runs", "1")  # the baseline
    sandbox.ok("run", better["commit"], good["commit"])
    sandbox.ok("review", better["commit"])
    sandbox.ok("select", better["commit"])
    (late,) = sandbox.records("review", good["commit"])
    value = sandbox.records("show", better["commit"])[0]["review"]["value"]
    assert late["review"]["best"] == pytest.approx(value, abs=1e-3)
    assert late["review"]["verdict"] not in KEEPS


def test_two_selects_at_once_keep_one_after_the_other(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has read the branch, then another moves it before the first writes its decision."""
    better, good = two_ideas(sandbox)
    sandbox.ok("review", better, good)
    mine, other, real = Research.open(sandbox.folder), Research.open(sandbox.folder), stage.kept

    def meanwhile(research: Research, experiment: Experiment) -> str:
        monkeypatch.setattr(stage, "kept", real)
        new = real(research, experiment)
        stage.select(other, other.experiment(better))
        return new

    monkeypatch.setattr(stage, "kept", meanwhile)
    late = stage.select(mine, mine.experiment(good))
    assert late.decision
    assert late.decision.verdict not in KEEPS
    assert sandbox.git("rev-parse", "autoresearch/demo") == better
    sandbox.ok("fsck")
