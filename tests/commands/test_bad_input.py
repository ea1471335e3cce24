"""What bad input gets: a clear message with the cure, the right status, and nothing changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import TRAIN, Sandbox


def state(sandbox: Sandbox) -> str:
    """All refs and the user's files: what must not change."""
    return sandbox.git("for-each-ref") + sandbox.git("status", "--porcelain=v2", "--branch")


def refused(sandbox: Sandbox, *args: str, says: str, cure: str, **options: object) -> str:
    """The command fails with status 1, names the problem and the cure, and changes nothing."""
    before = state(sandbox)
    done = sandbox.ar(*args, **options)  # type: ignore[arg-type]
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout == ""
    assert says in done.stderr
    assert cure in done.stderr
    assert "Traceback" not in done.stderr
    assert state(sandbox) == before
    return done.stderr


def test_outside_a_repository(sandbox: Sandbox, tmp_path: Path) -> None:
    for verb in ("init", "propose", "run", "status", "log", "loop"):
        done = sandbox.ar(verb, cwd=tmp_path)
        assert done.returncode == 1
        assert "not inside a git repository" in done.stderr
        assert "git init" in done.stderr


def test_no_commits_yet(sandbox: Sandbox) -> None:
    refused(sandbox, "init", says="no commits yet", cure="commit the target file first")
    refused(sandbox, "propose", says="no commits yet", cure="commit the target file first")


def test_no_contract(sandbox: Sandbox) -> None:
    sandbox.commit()
    refused(sandbox, "propose", says="no research here yet", cure="git ar init")
    sandbox.git("branch", "autoresearch/empty")
    refused(sandbox, "loop", says="no autoresearch.toml", cure="git ar init")


@pytest.mark.parametrize(
    ("line", "says", "cure"),
    [
        ("tragets = 3", "unknown field `tragets`", "did you mean target?"),
        ("timeout = 10", "Expected `str`, got `int`", "git ar init --help"),
        ('timeout = "soon"', "no duration", "10m"),
        ('direction = "up"', "direction is 'up'", "minimize or maximize"),
        ("target = ", "not valid TOML", ""),
        ('protect = ["train.py"]', "both target and protected", ""),
    ],
)
def test_a_broken_contract(sandbox: Sandbox, line: str, says: str, cure: str) -> None:
    sandbox.research()
    sandbox.git("switch", "-q", "autoresearch/demo")
    text = (sandbox.folder / "autoresearch.toml").read_text()
    key = line.split(" = ")[0] + " ="
    kept = [old for old in text.splitlines() if not old.startswith(key)]
    sandbox.write("autoresearch.toml", "\n".join([*kept, line]) + "\n")
    sandbox.git("commit", "-qam", "break it")
    refused(sandbox, "propose", says=says, cure=cure)


def test_a_command_that_does_not_exist(sandbox: Sandbox) -> None:
    sandbox.research("--command", "no-such-program train.py")
    (e,) = sandbox.records("propose")
    (ran,) = sandbox.records("run", e["commit"])
    assert ran["runs"][0]["outcome"] in ("crash", "harness")
    assert "no-such-program" in json.dumps(ran["runs"][0])


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        ("", "no-metric"),
        ("print('---'); print('val_bpb: nan')", "nan"),
        ("print('---'); print('val_bpb: 1.0'); print('val_bpb: 2.0')", "no-metric"),
        ("print('val_bpb: 0.5'); print('then something else')", "no-metric"),
        ("print('---'); print('val_bpb: -')", "no-metric"),
    ],
)
def test_runs_without_one_clear_metric(sandbox: Sandbox, ending: str, outcome: str) -> None:
    sandbox.commit(train__py=f"X = 1\n{ending}\n")
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    (e,) = sandbox.records("propose")
    (ran,) = sandbox.records("run", e["commit"])
    assert ran["runs"][0]["outcome"] == outcome
    assert "value" not in ran["runs"][0]


def test_unknown_emitter_and_unknown_verb(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    refused(
        sandbox, "propose", "--emitter", "wizard", says="no emitter 'wizard'", cure="local_tuner"
    )
    done = sandbox.ar("proprose")
    assert done.returncode == 2
    assert "No such command" in done.stderr


@pytest.mark.parametrize(
    ("stdin", "says"),
    [
        ("", "stdin was empty"),
        ('{"kind": "experiment", "v": 1, "com', "line 1 of stdin is not JSON"),
        ('{"kind": "run", "v": 1}\n', "no experiment record (kind: run)"),
        ("[1, 2]\n", "no experiment record (kind: list)"),
        ('{"kind": "experiment", "v": 99, "commit": "x"}\n', "version 99"),
        ('{"kind": "experiment", "v": 1, "commit": 7}\n', "Expected `str`, got `int`"),
        ('{"kind": "experiment", "v": 1, "commit": "' + "a" * 40 + '"}\n', "no such commit"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "review", "select"])
def test_bad_records_on_stdin(sandbox: Sandbox, verb: str, stdin: str, says: str) -> None:
    sandbox.research()
    refused(sandbox, verb, stdin=stdin, says=says, cure="hint:")


def test_stages_out_of_order(sandbox: Sandbox) -> None:
    sandbox.research()
    (e,) = sandbox.records("propose")
    refused(sandbox, "review", e["commit"], says="has not been run", cure="git ar run")
    refused(sandbox, "select", e["commit"], says="has no review", cure="git ar review")
    refused(sandbox, "show", "main", says="is no experiment", cure="git ar log")
    refused(sandbox, "show", "nowhere", says="no such commit", cure="git ar log")


def test_a_review_needs_a_baseline_that_was_selected(sandbox: Sandbox) -> None:
    sandbox.research()
    (baseline,) = sandbox.records("propose")
    sandbox.write("train.py", (sandbox.folder / "train.py").read_text() + "print('idea')\n")
    (idea,) = sandbox.records("propose", "--from-worktree", "-m", "an idea")
    sandbox.ok("run", baseline["commit"], idea["commit"])
    sandbox.ok("review", baseline["commit"])
    tip = baseline["commit"][:9]
    refused(sandbox, "review", idea["commit"], says="not selected", cure=f"git ar select {tip}")
    sandbox.ok("select", baseline["commit"])
    sandbox.ok("review", idea["commit"])


def test_a_broken_pipe_downstream_is_quiet(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "4")
    command = f"{sys.executable} -m autoresearch_git log --json; echo status $? >&2"
    done = subprocess.run(
        f"( {command} ) | true", shell=True, cwd=sandbox.folder, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.strip() == "status 141"


def test_detached_head_and_a_dirty_tree(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.git("switch", "-q", "--detach")
    sandbox.write("train.py", "print('in the middle of something')\n")
    sandbox.ok("loop", "--runs", "3")
    assert (sandbox.folder / "train.py").read_text() == "print('in the middle of something')\n"
    assert sandbox.git("status", "--porcelain") == "M train.py"


def test_a_bare_repository(sandbox: Sandbox) -> None:
    sandbox.research()
    bare = sandbox.folder.parent / "bare.git"
    sandbox.git("clone", "-q", "--mirror", ".", str(bare))
    sandbox.ok("loop", "--runs", "3", cwd=bare)
    assert len(sandbox.records("log", cwd=bare)) == 3
    done = sandbox.ar("propose", "--from-worktree", "-m", "x", cwd=bare)
    assert done.returncode == 1
    assert "no working tree" in done.stderr


def test_a_clone_without_the_branch_is_told_how_to_take_it_over(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.research()
    copy = tmp_path / "copy"
    sandbox.git("clone", "-q", ".", str(copy))
    done = sandbox.ar("propose", cwd=copy)
    assert done.returncode == 1
    (cure,) = re.findall(r"(git branch .*?) &&", done.stderr)
    sandbox.git("-C", str(copy), *cure.split()[1:])
    sandbox.ok("propose", cwd=copy)


def test_a_linked_worktree_shares_the_memory(sandbox: Sandbox) -> None:
    sandbox.research()
    linked = sandbox.folder.parent / "linked"
    sandbox.git("worktree", "add", "-q", "--detach", str(linked))
    sandbox.ok("loop", "--runs", "2", cwd=linked)
    sandbox.ok("loop", "--runs", "2")
    assert sandbox.ok("log", cwd=linked) == sandbox.ok("log")
    assert len(sandbox.records("log")) == 4


def test_a_path_with_spaces_and_other_alphabets(tmp_path: Path) -> None:
    folder = tmp_path / "mein Föhn 実験"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    sandbox = Sandbox(folder)
    sandbox.research()
    sandbox.ok("loop", "--runs", "3", "--seed", "2")
    assert all(e["runs"][0]["outcome"] == "ok" for e in sandbox.records("log"))


def test_hooks_leaked_variables_do_not_matter(sandbox: Sandbox, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    sandbox.research()
    leaked = {"GIT_DIR": str(other / ".git"), "GIT_INDEX_FILE": str(other / "index")}
    out = sandbox.ok("loop", "--runs", "2", "--json", **leaked)
    assert len(out.splitlines()) == 2
    assert not (other / "index").exists()


def test_a_read_only_view_needs_no_write(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2")
    before = json.loads(sandbox.ok("status", "--json"))
    assert before["best"]["commit"]
    assert before["verdicts"]


def test_a_target_that_is_not_committed(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=TRAIN)
    refused(
        sandbox, "init", "--target", "model.py", "--metric", "x",
        says="model.py is not in the last commit", cure="commit it first",
    )  # fmt: skip
    refused(sandbox, "init", says="what is the metric called", cure="--metric NAME")


def test_init_twice(sandbox: Sandbox) -> None:
    sandbox.research()
    refused(
        sandbox, "init", "--metric", "val_bpb", "--branch", "demo",
        says="is there already", cure="git ar status",
    )  # fmt: skip


def test_init_without_a_gpu_says_which_budget_it_took(sandbox: Sandbox) -> None:
    sandbox.commit(prepare__py="TIME_BUDGET = 300\n")
    said = sandbox.ok("init", "--branch", "demo", CUDA_VISIBLE_DEVICES="")
    assert "budget   11 s of training (no GPU here" in said
    assert "--budget 300" in said


def test_an_unknown_niche(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2")
    refused(sandbox, "log", "--niche", "nosuch", says="no experiment is in a niche", cure="reached")
    assert sandbox.records("log", "--niche", "*")
