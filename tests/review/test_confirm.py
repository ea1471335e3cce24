"""Which doubt is worth a run, what it may cost, and what a refuted keep takes with it."""

from __future__ import annotations

import msgspec
import pytest

from autoresearch_git.records import Decision, Plan
from autoresearch_git.review.confirm import affordable, doubted, next_confirm, spend
from autoresearch_git.review.judge import judge
from tests.bench.simulate_review import simulate
from tests.review import lab

BASE = lab.baseline(0.9979)


def decided(commit, *values, parent="base", seq=1, past=None):
    runs = [lab.run(f"{commit}{k}", v, seed=42 + k) for k, v in enumerate(values)]
    made = lab.experiment(commit, *runs, parent=parent, seq=seq)
    for count in range(1, len(runs) + 1):
        part = msgspec.structs.replace(made, runs=tuple(runs[:count]))
        review = judge(part, lab.TUNED, past or lab.history(BASE, part, incumbent=BASE))
        done = Decision(klass="c", verdict=review.verdict, reason="", old="base")
        made = msgspec.structs.replace(made, review=review)
        made = msgspec.structs.replace(made, decision=made.decision or done)
    return made


def test_the_open_keep_comes_before_the_hopeless_and_the_sure():
    tip, near = decided("tip", 0.9970), decided("near", 0.9985)
    sure, bad = decided("sure", 0.9950, 0.9951), decided("bad", 1.02)
    order = next_confirm(lab.history(BASE, tip, near, sure, bad, incumbent=tip))
    assert order[0][0] == "tip"
    assert "bad" not in dict(order)
    assert dict(order)["tip"] > 10 * dict(order).get("sure", 0.0)
    assert all(worth > 0 for _, worth in order)


def test_a_shorter_run_is_worth_more_a_minute():
    tip = decided("tip", 0.9970)
    runs = tuple(msgspec.structs.replace(run, seconds=34.5) for run in tip.runs)
    short = msgspec.structs.replace(tip, runs=runs)
    slow = next_confirm(lab.history(BASE, tip, incumbent=tip))[0][1]
    assert next_confirm(lab.history(BASE, short, incumbent=short))[0][1] == pytest.approx(10 * slow)


def test_confirmation_stays_within_its_share():
    tip = decided("tip", 0.9970)
    many = [decided(f"d{k}", 1.001) for k in range(100)]
    assert not affordable(lab.history(BASE, tip, incumbent=tip))
    assert spend(lab.history(BASE, tip, incumbent=tip)) is None
    past = lab.history(BASE, tip, *many, incumbent=tip)
    assert affordable(past)
    assert spend(past) == "tip"  # 100 tries without a gain: a new one is worth less


def test_while_gains_come_easily_new_proposals_are_worth_more():
    wins = [decided(f"w{k}", 0.9950 - k / 1000) for k in range(30)]
    past = lab.history(BASE, *wins, incumbent=wins[-1])
    assert affordable(past)
    assert spend(past) is None


def test_a_refuted_keep_names_what_was_built_on_it():
    bad = decided("bad", 0.9971, 0.9990, 0.9989)
    good = decided("good", 0.9940, 0.9941)
    child = lab.experiment("child", parent="bad", seq=2)
    other = msgspec.structs.replace(
        lab.experiment("other", parent="good", seq=3),
        plan=Plan(emitter="x", phase="explore", change="x", parent="good", builds_on=("child",)),
    )
    apart = lab.experiment("apart", parent="good", seq=4)
    (doubt,) = doubted([apart, other, child, good, bad, BASE])
    assert (doubt.commit, doubt.built_on) == ("bad", ("child", "other"))
    assert "3 runs" in doubt.reason


def test_a_doubt_outlives_the_decision_that_took_the_keep_back():
    bad = decided("bad", 0.9971, 0.9990, 0.9989)
    taken = Decision(klass="c", verdict="discard", reason="")
    assert doubted([msgspec.structs.replace(bad, decision=taken)])


@pytest.mark.parametrize("scenario", ["usual", "plateau"])
def test_simulated_campaigns(scenario):
    """A small version of tests/bench/simulate_review.py; docs/review.md has the large one."""
    told = simulate(scenario, campaigns=12, runs=125)
    bias = sum(told.bias) / len(told.bias)
    greedy = sum(told.greedy_bias) / len(told.greedy_bias)
    assert told.greedy_false / told.greedy_keeps > 0.10
    assert greedy > 0.8
    assert told.confirmed_false <= 1 + 0.05 * told.confirmed
    assert abs(bias) < 0.6 * greedy
    assert 0.92 <= told.inside / told.intervals <= 0.99
    assert told.extra <= 0.10 * told.runs
