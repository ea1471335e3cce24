"""`git ar knobs`, and experiments of chosen knobs: `git ar propose --set`."""

from __future__ import annotations

import pytest

from tests.support import Sandbox


def test_knobs_shows_value_range_and_what_was_tried(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "8", "--seed", "1")
    found = {each["name"]: each for each in sandbox.records("knobs")}
    assert set(found) == {"LEARNING_RATE", "WIDTH", "DROPOUT", "WARMUP", "ACTIVATION"}
    assert (found["WIDTH"]["low"], found["WIDTH"]["high"]) == (64, 1024)
    assert found["ACTIVATION"]["choices"] == ["relu", "gelu", "silu"]
    assert sum(each["tried"] for each in found.values()) >= 4
    text = sandbox.ok("knobs", "--no-json")
    assert "64..1024 powers of 2" in text


def test_knobs_tells_a_comment_that_makes_no_sense(sandbox: Sandbox) -> None:
    text = "LR = 0.1  # ar: wide\nprint('---')\nprint('val_bpb: 1.0')\n"
    sandbox.commit(train__py=text)
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    done = sandbox.ar("knobs", "--no-json")
    assert done.returncode == 0
    assert "LR" in done.stdout
    assert "wide" in done.stderr


def test_set_makes_an_experiment_of_chosen_knobs(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "1")
    before = sandbox.git("status", "--porcelain"), sandbox.git("rev-parse", "HEAD")
    settings = ("--set", "WIDTH=512", "--set", "ACTIVATION=gelu")
    said = ("-m", "wider", "--hypothesis", "it is too small", "--expected", "-0.01")
    (made,) = sandbox.records("propose", *settings, *said)
    assert made["plan"]["change"] == "wider"
    assert made["plan"]["hypothesis"] == "it is too small"
    assert made["plan"]["expected"] == -0.01
    text = sandbox.git("show", f"{made['commit']}:train.py")
    assert "WIDTH = 512  # ar: 64..1024 log" in text
    assert 'ACTIVATION = "gelu"' in text
    assert (sandbox.git("status", "--porcelain"), sandbox.git("rev-parse", "HEAD")) == before
    again = sandbox.ar("propose", *settings)
    assert again.returncode == 1
    assert "already tried" in again.stderr


@pytest.mark.parametrize(
    ("setting", "status", "says"),
    [
        ("WIDHT=512", 1, "did you mean WIDTH"),
        ("NOTHING_LIKE_IT=1", 1, "git ar knobs"),
        ("WIDTH=wide", 1, "give a literal such as 256"),
        ("WIDTH=__import__('os')", 1, "give a literal"),
        ("WIDTH=256", 1, "nothing to propose"),
        ("WIDTH", 2, "KNOB=VALUE"),
    ],
)
def test_settings_that_make_no_sense(
    sandbox: Sandbox, setting: str, status: int, says: str
) -> None:
    sandbox.research()
    done = sandbox.ar("propose", "--set", setting)
    assert done.returncode == status
    assert says in done.stderr
    assert sandbox.records("log") == []
