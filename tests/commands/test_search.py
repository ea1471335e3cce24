"""The search through the real commands: what bad input gets, the novelty gate, simulations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import TRAIN, Sandbox

SEEDED = TRAIN.replace("\n\ndef main", "\nSEED = 1\n\n\ndef main")


def begun(sandbox: Sandbox, text: str = SEEDED) -> str:
    """A research whose baseline has been run; its commit."""
    sandbox.commit(train__py=text)
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    (done,) = sandbox.records("loop", "--runs", "1", "--json")
    commit: str = done["commit"]
    return commit


def test_a_target_without_constants(sandbox: Sandbox) -> None:
    begun(sandbox, 'print("val_bpb: 1.0")\nSEED = 1  # ar: fixed\n')
    done = sandbox.ar("propose")
    assert done.returncode == 1
    assert "the target files have no top-level constants" in done.stderr
    assert "ar.agent" in done.stderr


def test_a_syntax_error_in_the_target(sandbox: Sandbox) -> None:
    sandbox.commit(train__py="LR = 0.1\ndef f(:\n")
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    (crash,) = sandbox.records("loop", "--runs", "1", "--json")
    assert crash["runs"][0]["outcome"] == "crash"
    done = sandbox.ar("propose", "--emitter", "local_tuner")
    assert done.returncode == 1
    assert "not valid Python" in done.stderr


def test_a_comment_that_makes_no_sense(sandbox: Sandbox) -> None:
    text = SEEDED.replace("1e-3..1.0 log", "fast..slow").replace("64..1024 log", "fixed")
    begun(sandbox, text)
    assert sandbox.ar("loop", "--runs", "2").stderr.count("fast..slow") == 1
    done = sandbox.ar("propose", "--emitter", "local_tuner", "-n", "3", "--seed", "1")
    assert done.returncode == 0
    assert "fast..slow" in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 3
    assert all(e["name"] != "WIDTH" for each in found for e in each["plan"]["edits"])


def test_everything_tried(sandbox: Sandbox) -> None:
    begun(sandbox, 'FAST = True\nprint("val_bpb: 1.0")\n')
    sandbox.ok("loop", "--runs", "1")
    done = sandbox.ar("propose", "--seed", "1")
    assert done.returncode == 1
    assert "tried already" in done.stderr
    assert "wider ranges" in done.stderr


def test_an_archive_with_nothing_to_merge(sandbox: Sandbox) -> None:
    begun(sandbox)
    done = sandbox.ar("propose", "--emitter", "recombinator")
    assert done.returncode == 1
    assert "no emitter has an idea (asked: recombinator)" in done.stderr
    assert sandbox.ok("propose", "--seed", "1")  # the others have


def test_the_history_of_another_contract(sandbox: Sandbox) -> None:
    begun(sandbox)
    sandbox.ok("loop", "--runs", "2")
    sandbox.git("switch", "-q", "autoresearch/demo")
    text = (sandbox.folder / "autoresearch.toml").read_text()
    sandbox.write("autoresearch.toml", text.replace('metric = "val_bpb"', 'metric = "num_steps"'))
    sandbox.git("commit", "-qam", "another metric")
    (first,) = sandbox.records("loop", "--runs", "1", "--json")
    assert first["plan"]["emitter"] == "baseline"
    (second,) = sandbox.records("loop", "--runs", "1", "--json")
    assert second["runs"][0]["value"] == 10


def edited(sandbox: Sandbox, text: str, idea: str) -> tuple[int, str, list[dict[str, object]]]:
    """Propose train.py as it would stand in the working tree."""
    sandbox.write("train.py", text)
    done = sandbox.ar("propose", "--from-worktree", "-m", idea)
    return done.returncode, done.stderr, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_change_of_the_layout_is_no_experiment(sandbox: Sandbox) -> None:
    begun(sandbox)
    status, says, _ = edited(sandbox, SEEDED + "# a comment\n", "nothing")
    assert (status, "comments or the layout" in says) == (1, True)
    wide = SEEDED.replace("WIDTH = 256", "WIDTH = 512")
    status, _, (first,) = edited(sandbox, wide, "wider")
    assert status == 0
    status, says, _ = edited(sandbox, wide + "\n\n# wider, again\n", "wider again")
    assert status == 1
    assert f"the same but for the layout as {str(first['commit'])[:9]}" in says


def test_a_change_of_the_seed_alone_is_a_replicate(sandbox: Sandbox) -> None:
    baseline = begun(sandbox)
    status, _, (again,) = edited(sandbox, SEEDED.replace("SEED = 1", "SEED = 7"), "another seed")
    assert status == 0
    assert again["commit"] == baseline
    assert again["again"] is True
    sandbox.git("checkout", "-q", "train.py")
    (ran,) = sandbox.records("run", baseline)
    assert [run["seed"] for run in ran["runs"]] == [42, 43]
    assert len(sandbox.records("log")) == 1


def test_simulations_side_by_side(sandbox: Sandbox, tmp_path: Path) -> None:
    few = ("--trap", "structure", "--runs", "6", "--seeds", "2")
    rows = sandbox.records("simulate", *few, "--json")
    assert [row["policy"] for row in rows] == ["ours", "hill-climbing", "random", "fork"]
    pytest.importorskip("matplotlib")
    picture = tmp_path / "curves.svg"
    text = sandbox.ok("simulate", *few, "--policy", "ours", "--plot", str(picture), "--no-json")
    assert text.splitlines()[0].split() == ["policy", "@5", "@6", "crashes", "repeats"]
    assert "<svg" in picture.read_text()


def test_simulations_that_cannot_be(sandbox: Sandbox) -> None:
    begun(sandbox)
    for flags, says in (
        (("--policy", "best"), "no policy 'best'"),
        (("--trap", "pair", "--plot", "curves.doc"), "neither .png nor .svg"),
        (("--trap", "pair", "--runs", "2", "--seeds", "2", "--plot", "no/a.svg"), "cannot write"),
        (("--trials", "train.py"), "no table of trials"),
        ((), "1 results are too few"),
    ):
        done = sandbox.ar("simulate", *flags)
        assert done.returncode == 1
        assert says in done.stderr


def test_plain_hill_climbing_knows_nothing_of_what_was_tried(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.git("config", "ar.search", "climb")
    sandbox.ok("loop", "--runs", "14", "--seed", "2")
    found = sandbox.records("log")[1:]
    assert len(found) == 13
    assert len({each["plan"]["emitter"] for each in found}) > 2
    steps = [each["plan"] for each in found if each["plan"]["emitter"] != "simplifier"]
    assert all("there is no model yet" in plan["hypothesis"] for plan in steps)
    assert all(1 <= len(plan["edits"]) <= 2 for plan in steps)
    kept = {each["commit"] for each in found if each["decision"]["verdict"].startswith("keep")}
    tips = {each["decision"].get("new", "") for each in found}
    first = sandbox.records("log")[0]["commit"]
    assert kept
    assert {each["plan"]["parent"] for each in found} <= kept | tips | {first}
    sandbox.git("config", "ar.search", "magic")
    assert "ar.search is 'magic'" in sandbox.ar("propose").stderr
