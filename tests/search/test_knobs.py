"""Reading knobs from a target file, and writing them back without touching anything else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_git.search import knobs, space
from autoresearch_git.search.ranges import Range, derive, parse_comment
from tests.search.past import TRAIN


def read(text: str, machine: str = "") -> dict[str, knobs.Knob]:
    return knobs.read({"train.py": text}, machine).named()


def test_reads_names_values_and_ranges() -> None:
    found = read(TRAIN)
    assert list(found) == ["DEPTH", "LR", "BATCH", "PATTERN", "BETAS[0]", "BETAS[1]"]
    assert found["DEPTH"].range == Range("linear", 4, 24, integer=True)
    assert found["LR"].range == Range("log", 0.005, 0.2)
    assert found["BATCH"].range.kind == "power2"
    assert found["BATCH"].value == 2**19
    assert found["BETAS[1]"].value == 0.95


def test_writing_changes_one_literal_only() -> None:
    text = 'X = "é"; LR = 0.04  # ä\nother = f(1)\n'
    reading = knobs.read({"train.py": text})
    assert knobs.write({"train.py": text}, reading, {"LR": "0.5"}) == {
        "train.py": 'X = "é"; LR = 0.5  # ä\nother = f(1)\n'
    }


def test_tuple_elements_are_knobs() -> None:
    reading = knobs.read({"train.py": TRAIN})
    text = knobs.write({"train.py": TRAIN}, reading, {"BETAS[1]": "0.9"})["train.py"]
    assert "BETAS = (0.8, 0.9)\n" in text


def test_branches_of_a_profile_are_separate_knobs() -> None:
    text = 'if PROFILE == "cpu":\n    DEPTH = 4  # ar: 1..8\nelse:\n    DEPTH = 8\n'
    assert [(k.name, k.active) for k in read(text, "c-cpu").values()] == [
        ("DEPTH@1", True),
        ("DEPTH@2", False),
    ]
    assert [k.active for k in read(text, "c-nvidia-h100").values()] == [False, True]
    assert [k.active for k in read(text).values()] == [True, True]


def test_counters_and_state_are_no_knobs() -> None:
    text = (
        "best = 9.0\nsteps = 0\nlr = 0.1\nfor step in range(3):\n    best = step\n    steps += 1\n"
    )
    assert list(read(text)) == ["lr"]
    assert not read("n = 3.0\ndef f():\n    global n\n    n = 2\n")


@pytest.mark.parametrize("name", ["SEED", "TIME_BUDGET", "DATA_DIR", "VOCAB_SIZE", "EVAL_TOKENS"])
def test_what_says_which_run_it_is_stays(name: str) -> None:
    assert not read(f"{name} = 42\n")


@pytest.mark.parametrize(
    "comment",
    ["# ar: 5..1", "# ar: nonsense", "# ar: 0..1 log", "# ar: only", "# ar: 1.."],
)
def test_senseless_comment_is_told_and_the_range_derived(comment: str) -> None:
    reading = knobs.read({"train.py": f"LR = 0.1  {comment}\n"})
    assert reading.knobs[0].range == derive("LR", 0.1)
    assert "LR" in reading.warnings[0]


def test_comment_of_the_wrong_type_falls_back() -> None:
    assert read('KIND = "SSL"  # ar: 1..2\n')["KIND"].range.kind == "choice"
    assert read("LR = 0.1  # ar: a | b\n")["LR"].range.kind == "log"


def test_fixed_is_no_knob() -> None:
    assert not read("LR = 0.1  # ar: fixed\n")


def test_syntax_error_and_no_constants() -> None:
    reading = knobs.read({"train.py": "def f(:\n"})
    assert reading.knobs == ()
    assert "train.py" in reading.warnings[0]
    assert knobs.read({"train.py": "print(1)\n"}) == knobs.Reading(())


def test_two_files_with_the_same_constant() -> None:
    found = knobs.read({"a.py": "LR = 0.1\n", "b.py": "LR = 0.2\n"}).named()
    assert list(found) == ["LR", "b.py:LR"]


def test_comment_grammar() -> None:
    assert parse_comment("  # ar: 1e-3..1.0 log  # note") == Range("log", 1e-3, 1.0)
    assert parse_comment("# ar: 2**9..2**14 log") == Range("log", 512, 16384)
    assert parse_comment("# ar: True | False") == Range("choice", choices=(True, False))
    assert parse_comment("# plain") is None


def test_our_own_benchmark_has_knobs_for_both_profiles() -> None:
    text = (Path(__file__).parents[2] / "benchmark" / "train.py").read_text()
    for machine in ("c-cpu", "c-nvidia-h100"):
        reading = knobs.read({"train.py": text}, machine)
        assert not reading.warnings
        active = [k for k in reading.knobs if k.active]
        assert {"MATRIX_LR", "WARMDOWN"} <= {k.name for k in active}
        assert sum(k.base == "DEPTH" for k in active) == 1


@given(
    st.sampled_from(
        [
            Range("linear", -1.0, 3.0),
            Range("log", 1e-5, 10.0),
            Range("power2", 16, 4096, integer=True),
            Range("linear", 4, 24, integer=True),
            Range("log", 20, 1000, integer=True),
            Range("choice", choices=("a", "b", "c")),
        ]
    ),
    st.floats(0, 1),
)
def test_values_survive_the_way_to_units_and_back(limits: Range, unit: float) -> None:
    value = space.from_unit(limits, unit)
    again = space.from_unit(limits, space.to_unit(limits, value))
    assert again == pytest.approx(value, rel=1e-2) if isinstance(value, float) else again == value
    if limits.kind != "choice":
        assert limits.low <= value <= limits.high


@given(st.integers(0, 10**6))
def test_steps_stay_in_range_and_always_move(seed: int) -> None:
    import random

    rng = random.Random(seed)
    for knob in read(TRAIN).values():
        text = space.step(knob, 0.2, rng)
        value = ast.literal_eval(text) if "**" not in text else space.parse(text)
        assert value != knob.value
        if knob.range.kind != "choice":
            assert knob.range.low <= value <= knob.range.high
