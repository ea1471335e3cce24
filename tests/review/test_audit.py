"""The audit alone: what is unknown is not checked, honest oddities are not cheating."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_git.review.audit import CHECKS, Facts, audit, recorded
from tests.review import lab

BASE = lab.baseline(0.9979).runs[0]
HONEST = Facts(
    metric="val_bpb",
    value=0.9965,
    metrics=lab.METRICS,
    wall=345.0,
    budget=300.0,
    curve=((0.5, 4.0), (1.0, 3.2)),
    report=lab.REPORT | {"value": 0.99650004},
    reporting=True,
    protected={"prepare.py": "a"},
    found={"prepare.py": "a"},
    changed=("train.py",),
    targets=("train.py",),
    command="uv run train.py",
    ran="uv run train.py",
    outside=(),
    hardware={"data": "abcd"},
    baseline=BASE,
)
CPU = lab.METRICS | {"training_seconds": 21.0, "total_seconds": 29.0, "num_steps": 15.0}


def test_an_honest_run_passes_every_check():
    found = audit(HONEST)
    assert found.violations == found.warnings == ()
    assert set(found.checks) == set(CHECKS)
    assert {name for name, said in found.checks.items() if said != "ok"} == {"hold-out"}


def test_what_is_not_known_is_not_checked():
    found = audit(Facts(metric="accuracy", value=0.9, minimize=False))
    assert found.violations == ()
    assert found.checks["protected files"] == found.checks["training time"] == "not checked"


@pytest.mark.parametrize(
    "more",
    [
        {"metrics": lab.METRICS | {"training_seconds": 300.9}},  # the last step was under way
        {"metrics": CPU, "budget": 20.0, "wall": 31.0, "baseline": None},
        {"wall": 430.0},  # a cold start
        {"metrics": lab.METRICS | {"num_params_M": 120.0, "total_tokens_M": 200.0}},
        {"metrics": lab.METRICS | {"new_line": 3.0}},
        {"value": 0.9300, "report": lab.REPORT | {"value": 0.93}},
        {"changed": ()},
    ],
)
def test_honest_oddities_are_no_violation(more):
    assert audit(replace(HONEST, **more)).violations == ()


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"mentions": 3}, "printed once"),
        ({"reports": 2}, "private channel"),
        ({"curve": ((1.0, 4.2),)}, "leak"),
    ],
)
def test_oddities_are_warnings(more, name):
    found = audit(replace(HONEST, **more))
    assert found.violations == ()
    assert [text.partition(":")[0] for text in found.warnings] == [name]


@pytest.mark.parametrize("value", [-3.0, 0.0, 1e-9])
def test_other_metrics_may_have_any_value(value):
    facts = Facts(metric="log_likelihood", value=value, minimize=False)
    assert audit(facts).violations == ()


NUMBER = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3))


@given(
    st.floats(),
    st.dictionaries(st.sampled_from(sorted(lab.METRICS)), st.floats()),
    st.dictionaries(st.sampled_from(["value", "tokens", "bytes"]), NUMBER),
    st.floats(),
)
def test_odd_values_never_raise(value, metrics, report, wall):
    found = audit(replace(HONEST, value=value, metrics=metrics, report=report, wall=wall))
    assert set(found.checks) == set(CHECKS)


def test_a_record_is_audited_with_what_its_runner_stored():
    past = lab.history(lab.baseline(0.9979))
    stored = {
        "protected": {"prepare.py": "a"},
        "found": {"prepare.py": "b"},
        "changed": ["train.py", "x.py"],
        "targets": ["train.py"],
        "violations": ["sandbox: escaped"],
        "warnings": ["slow disk"],
    }
    found = recorded(lab.run("r1", 0.9970, checks=stored), past)
    assert found.violations == (
        "sandbox: escaped",
        "protected files: prepare.py is not the contract's",
        "changed files: changes x.py beside the target",
    )
    assert found.warnings == ("slow disk",)
    assert recorded(lab.run("r1", 0.9970), past).violations == ()


def test_silence_counts_only_where_the_baseline_reported():
    quiet = lab.run("r1", 0.9970, checks={"report": None})
    past = lab.history(lab.baseline(0.9979))
    assert recorded(quiet, past).violations
    base = past.baseline
    mute = msgspec.structs.replace(base, runs=(msgspec.structs.replace(base.runs[0], checks={}),))
    assert recorded(quiet, lab.history(mute)).violations == ()
