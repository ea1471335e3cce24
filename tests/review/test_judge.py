"""Verdicts, scores and warnings of single reviews."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_git import refs
from autoresearch_git.history import Tally
from autoresearch_git.records import VERDICTS, Decision, Plan
from autoresearch_git.review.change import Change
from autoresearch_git.review.judge import judge
from tests.review import lab

BASE = lab.baseline(0.9979)


def reviewed(*runs, change=lab.TUNED, past=None, **more):
    made = lab.experiment("e" * 40, *runs, **more)
    return judge(made, change, past or lab.history(BASE))


def kept(commit, *values, verdict="keep-unconfirmed", old="base"):
    """An experiment that was reviewed and kept, with a run for each value, on seeds 42, 43, ..."""
    runs = [lab.run(f"{commit}{k}", v, seed=42 + k) for k, v in enumerate(values)]
    made = lab.experiment(commit, *runs, seq=5)
    made = msgspec.structs.replace(made, review=judge(made, lab.TUNED, lab.history(BASE)))
    return msgspec.structs.replace(
        made, decision=Decision(klass="c", verdict=verdict, reason="", old=old)
    )


def test_the_baseline_is_kept():
    assert (BASE.review.verdict, BASE.review.n, BASE.review.delta) == ("keep", 1, None)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ((0.9900,), "keep-unconfirmed"),  # one seed is never enough
        ((0.9900, 0.9902), "keep"),
        ((0.9974, 0.9984), "near-miss"),
        ((0.9981,), "near-miss"),
        ((1.0100,), "discard"),
        ((1.0100, 1.0101), "discard"),
    ],
)
def test_verdicts_of_finished_runs(values, verdict):
    runs = [lab.run(f"r{k}", v, seed=42 + k) for k, v in enumerate(values)]
    review = reviewed(*runs)
    assert review.verdict == verdict
    assert review.n == len(values)
    assert review.low < review.high
    assert review.delta == pytest.approx(review.value - review.best)


def test_two_runs_of_one_seed_confirm_nothing():
    runs = [lab.run("r1", 0.99), lab.run("r2", 0.99)]
    assert reviewed(*runs).verdict == "keep-unconfirmed"
    unseeded = [lab.run("r1", 0.99, seed=None), lab.run("r2", 0.99, seed=None)]
    assert reviewed(*unseeded).verdict == "keep"


@pytest.mark.parametrize("outcome", ["crash", "oom", "timeout", "nan", "no-metric"])
def test_failures_are_crashes(outcome):
    review = reviewed(lab.run("r1", None, outcome, signature="s", detail="why"))
    assert review.verdict == "crash"
    assert (review.niche, review.signature, review.n) == ("", "s", 0)
    assert "why" in review.reason


@pytest.mark.parametrize("outcome", ["harness", "killed"])
def test_what_the_machinery_did_is_no_result(outcome):
    assert reviewed(lab.run("r1", None, outcome)).verdict == "retest"
    both = reviewed(lab.run("r1", None, outcome), lab.run("r2", 0.99))
    assert (both.verdict, both.n) == ("keep-unconfirmed", 1)


def test_an_early_stop_is_a_discard_with_its_reason():
    review = reviewed(lab.run("r1", None, "stopped", detail="P 0.01 at 35%"))
    assert (review.verdict, review.value) == ("discard", None)
    assert "P 0.01 at 35%" in review.reason


def test_a_violation_makes_it_invalid_whatever_the_value():
    bad = lab.run("r2", 0.5, checks={"violations": ["private channel: silent"]})
    review = reviewed(lab.run("r1", 0.99), bad)
    assert review.verdict == "invalid"
    assert "private channel: silent" in review.reason


def test_a_shared_device_is_a_reason_to_retest_but_only_once():
    slow = {"checks": {"contended": "others used 3 cores"}}
    one = reviewed(lab.run("r1", 1.01, **slow))
    two = reviewed(lab.run("r1", 1.01, **slow), lab.run("r2", 1.01, seed=43, **slow))
    fair = reviewed(lab.run("r1", 1.01, **slow), lab.run("r2", 0.99))
    assert (one.verdict, two.verdict) == ("retest", "discard")
    assert (fair.verdict, fair.value, fair.n) == ("keep-unconfirmed", 0.99, 1)
    assert any("shared their device" in text for text in fair.warnings)


def test_a_shared_device_never_confirms():
    slow = {"checks": {"contended": "x"}}
    runs = [lab.run("r1", 0.99, **slow), lab.run("r2", 0.99, seed=43, **slow)]
    assert reviewed(*runs).verdict == "keep-unconfirmed"


def test_a_cached_run_is_not_a_second_one():
    review = reviewed(lab.run("r1", 0.99), lab.run("r2", 0.99, seed=43, cached="r1"))
    assert (review.verdict, review.n) == ("keep-unconfirmed", 1)
    assert reviewed(lab.run("r2", 0.99, cached="r9")).n == 1


def test_runs_of_another_class_do_not_count():
    other = msgspec.structs.replace(lab.run("r2", 0.5), klass="other")
    review = reviewed(lab.run("r1", 0.99), other)
    assert (review.value, review.runs) == (0.99, ("r1",))


def test_a_failed_run_among_good_ones_is_a_warning():
    review = reviewed(lab.run("r1", 0.99), lab.run("r2", None, "nan"))
    assert review.verdict == "keep-unconfirmed"
    assert "1 of 2 runs failed: nan" in review.warnings


def test_only_the_seed_changed():
    review = reviewed(lab.run("r1", 0.99), change=Change(category="replicate"))
    assert review.verdict == "discard"
    assert "only the seed" in review.reason


def test_replicates_confirm_or_refute_the_tip_against_what_it_replaced():
    good, bad = kept("good", 0.9940, 0.9941), kept("bad", 0.9971, 0.9990, 0.9988)
    for tip, verdict in ((good, "keep"), (bad, "discard")):
        past = lab.history(BASE, tip, incumbent=tip)
        review = judge(tip, lab.TUNED, past)
        assert review.verdict == verdict
        assert review.best == pytest.approx(0.9979, abs=2e-4)


def test_a_lucky_incumbent_is_believed_less_after_many_children_fell_short():
    tip = kept("tip", 0.9970)
    equal = [
        msgspec.structs.replace(
            made := lab.experiment(f"c{k}", lab.run(f"c{k}", 0.9977 + k * 5e-5), parent="tip"),
            review=judge(made, lab.TUNED, lab.history(BASE, tip, incumbent=tip)),
        )
        for k in range(8)
    ]
    before = reviewed(lab.run("r1", 0.9972), past=lab.history(BASE, tip, incumbent=tip))
    after = reviewed(lab.run("r1", 0.9972), past=lab.history(BASE, tip, *equal, incumbent=tip))
    assert after.best > before.best + 1e-4
    assert after.p_better > before.p_better


def test_maximizing_mirrors_minimizing():
    down = reviewed(lab.run("r1", 0.9970))
    base = msgspec.structs.replace(
        lab.experiment("base", lab.run("r0", -0.9979), parent=""), review=None
    )
    past = lab.history(base)
    up = judge(
        lab.experiment("e" * 40, lab.run("r1", -0.9970)),
        lab.TUNED,
        msgspec.structs.replace(past, minimize=False, metric="score"),
    )
    assert up.verdict == down.verdict
    assert up.p_better == pytest.approx(down.p_better, abs=0.02)
    assert up.delta == pytest.approx(-down.delta, abs=2e-4)
    assert not up.minimize


@given(
    st.lists(st.floats(0.9, 1.2), min_size=1, max_size=4),
    st.floats(-0.02, 0.02),
    st.integers(-200, 200),
    st.integers(0, 30),
    st.sampled_from(["crash", "oom", "nan", "timeout", "no-metric"]),
    st.integers(0, 3),
)
@settings(max_examples=150, deadline=None)
def test_a_failure_is_never_worth_as_much_as_a_win(values, hoped, nodes, tries, outcome, seen):
    past = lab.history(
        BASE,
        niches={"optimizer.same-size": tries},
        categories={"optimizer": Tally(tries=tries)},
        signatures={"s": seen},
    )
    change = Change(category="optimizer", size={"nodes": nodes})
    plan = Plan(emitter="x", phase="explore", change="x", parent="base", expected=hoped)
    runs = [lab.run(f"r{k}", v, seed=k) for k, v in enumerate(values)]
    made = msgspec.structs.replace(lab.experiment("e" * 40, *runs), plan=plan)
    review = judge(made, change, past)
    failed = msgspec.structs.replace(made, runs=(lab.run("f", None, outcome, signature="s"),))
    crash = judge(failed, change, past)
    assert review.verdict in VERDICTS
    assert refs.component(review.niche) == review.niche
    for name in review.scores.__struct_fields__:
        assert 0 <= getattr(review.scores, name) <= 1
    assert crash.scores.total <= 0.05
    if review.verdict.startswith("keep"):
        assert review.scores.total >= 0.5
        assert review.scores.total > crash.scores.total + 0.4
    assert 0 <= review.p_better <= 1


def test_a_larger_win_is_worth_more():
    totals = [reviewed(lab.run("r1", v)).scores.total for v in (0.9970, 0.9950, 0.9900)]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


def test_a_surprise_is_what_was_not_expected():
    def surprise(expected, value):
        plan = Plan(emitter="x", phase="explore", change="x", parent="base", expected=expected)
        made = lab.experiment("e" * 40, lab.run("r1", value))
        made = msgspec.structs.replace(made, plan=plan)
        return judge(made, lab.TUNED, lab.history(BASE)).scores.surprise

    assert surprise(-0.003, 0.9949) < 0.05
    assert surprise(-0.003, 1.01) > 0.9


def test_growth_costs():
    big = Change(category="optimizer", size={"nodes": 300})
    heavy = lab.run("r1", 0.99, metrics=lab.METRICS | {"peak_vram_mb": 80000.0})
    plain = reviewed(lab.run("r1", 0.99)).scores
    assert reviewed(lab.run("r1", 0.99), change=big).scores.complexity > 0.7
    assert reviewed(heavy).scores.memory > 0.5
    assert plain.complexity == plain.memory == 0
    assert reviewed(heavy, change=big).scores.total < plain.total
