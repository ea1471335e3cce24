"""Points from a history, the numeric models, and conjectures."""

from __future__ import annotations

import random

import msgspec
import numpy as np
import pytest

from autoresearch_git.records import Decision, Edit, Plan
from autoresearch_git.search import gp, logistic, model, points, tuner
from autoresearch_git.search.insight import Insight
from autoresearch_git.search.knobs import read
from tests.search.past import BASE, KLASS, TRAIN, experiment, history, varied

FILES = {"train.py": TRAIN}


def insight(*others, **changes) -> Insight:
    return Insight(history(*others, **changes), BASE, FILES)


def test_settings_are_rebuilt_along_the_parents() -> None:
    a = experiment("a", 0.9, edits=[("LR", "0.04", "0.02")], seq=1)
    b = experiment("b", 0.8, "a", edits=[("DEPTH", "8", "10")], seq=2)
    found = {p.commit: p.values for p in insight(a, b).points}
    assert (found["base"]["LR"], found["base"]["DEPTH"]) == ("0.04", "8")
    assert (found["b"]["LR"], found["b"]["DEPTH"]) == ("0.02", "10")


def test_settings_seen_from_a_later_commit() -> None:
    a = experiment("a", 0.9, edits=[("LR", "0.04", "0.02")], seq=1)
    later = {"train.py": TRAIN.replace("0.04", "0.02")}
    found = {p.commit: p.values["LR"] for p in Insight(history(a), a, later).points}
    assert found == {"base": "0.04", "a": "0.02"}


def test_a_merged_keep_is_found_by_the_branch_commit() -> None:
    a = experiment("a", 0.9, edits=[("LR", "0.04", "0.02")], seq=1)
    a = msgspec.structs.replace(
        a, decision=Decision(klass=KLASS, verdict="keep", reason="", new="merged")
    )
    b = experiment("b", 0.8, "merged", edits=[("DEPTH", "8", "10")], seq=2)
    found = {p.commit: p.values["LR"] for p in insight(a, b).points}
    assert found["b"] == "0.02"


def test_edits_of_a_review_are_matched_to_knobs() -> None:
    names = ["DEPTH@2", "LR", "BETAS[0]", "BETAS[1]"]
    assert points.named(Edit(name="DEPTH", old="8", new="9"), names)[0].name == "DEPTH@2"
    pair = points.named(Edit(name="BETAS", old="(0.8, 0.95)", new="(0.8, 0.9)"), names)
    assert pair == [Edit(name="BETAS[1]", old="0.95", new="0.9")]


def test_a_circle_of_parents_does_not_hang() -> None:
    a, b = experiment("a", 0.9, "b"), experiment("b", 0.9, "a")
    assert {p.commit for p in insight(a, b).points} == {"base", "a", "b"}


def test_crashes_runs_in_flight_and_invalid_ones() -> None:
    crash = experiment("x", None)
    flying = msgspec.structs.replace(
        BASE, commit="f", runs=(), review=None, decision=None,
        plan=Plan(emitter="person", phase="explore", change="", parent="base"),
    )  # fmt: skip
    cheat = experiment("c", 0.1, verdict="invalid")
    found = {p.commit: p for p in insight(crash, cheat, running=(flying,)).points}
    assert found["x"].crashed
    assert found["f"].pending
    assert "c" not in found


def test_the_process_interpolates_and_doubts_what_is_far() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((40, 3))
    y = np.sin(4 * x[:, 0]) + x[:, 1]
    process = gp.fit(x, y, np.full(40, 1e-6), np.zeros(3, bool))
    mean, deviation = process.predict(x)
    assert np.abs(mean - y).max() < 0.05
    far = process.predict(np.array([[5.0, -4.0, 9.0]]))[1]
    assert far[0] > 3 * deviation.max()
    assert process.lengths[2] > process.lengths[0]  # the third input does nothing


def test_a_liar_makes_the_model_sure_of_itself() -> None:
    x = np.array([[0.1], [0.9]])
    y, noise = np.array([1.0, 2.0]), np.full(2, 1e-6)
    process = gp.fit(x, y, noise, np.zeros(1, bool))
    there = np.array([[0.5]])
    after = gp.extend(process, x, y, noise, there)
    assert after.predict(there)[0] == pytest.approx(process.predict(there)[0])
    assert after.predict(there)[1] < process.predict(there)[1] / 2


def test_risk_finds_the_dangerous_end() -> None:
    x = np.random.default_rng(1).random((60, 4))
    risk = logistic.fit(x, (x[:, 2] > 0.7).astype(float))
    probes = np.full((2, 4), 0.5)
    probes[:, 2] = 0.1, 0.95
    low, high = risk.predict(probes)
    assert low < 0.05 < 0.6 < high
    assert logistic.fit(x, np.zeros(60)).predict(x).max() < 0.1


@pytest.mark.parametrize("minimize", [True, False])
def test_the_tuner_follows_the_trend(minimize: bool) -> None:
    past = varied(40)
    if not minimize:  # the same research with the metric's sign turned
        past = [experiment(e.commit, 2 - (e.value or 0), seq=e.seq,
                           edits=[(d.name, d.old, d.new) for d in points.edits(e)])
                for e in past]  # fmt: skip
    view = insight(*past, minimize=minimize)
    assert view.model is not None
    lower = 0
    for seed in range(10):
        move = tuner.guided_move(view.model, view.knobs, view.present, 0.3, random.Random(seed))
        assert move is not None
        assert move.expected is not None
        lower += float(move.values.get("LR", "0.04")) < 0.04
    assert lower >= 8


def test_no_model_without_results() -> None:
    assert insight().model is None
    assert model.build([], read(FILES).knobs, True, 0.001) is None


def test_constant_results_and_huge_failures_do_not_break_the_model() -> None:
    same = [experiment(f"s{i}", 1.0, edits=[("DEPTH", "8", str(9 + i))]) for i in range(5)]
    assert insight(*same).model is not None
    wild = [*varied(10), experiment("w", 1e9, edits=[("LR", "0.04", "0.2")])]
    view = insight(*wild)
    assert view.model is not None
    assert view.model.best < 1.1


def test_conjectures_find_the_effect_and_its_evidence() -> None:
    found = insight(*varied(60)).conjectures
    lr = found["LR"]
    assert lr.statement == "lower LR helps"
    assert lr.effect > 0
    assert lr.strength > 3
    assert lr.evidence
    assert found["DEPTH"].strength < lr.strength
    assert insight(*varied(2)).conjectures == {}


def test_a_conjecture_on_a_choice_names_the_value() -> None:
    past = [
        experiment(f"f{i}", 1.0 - 0.02 * (i % 2), edits=[("FLAG", "True", str(i % 2 == 0))])
        for i in range(8)
    ]
    files = {"train.py": TRAIN + "FLAG = True  # ar: True | False\n"}
    found = Insight(history(*past), BASE, files).conjectures
    assert found["FLAG"].statement == "FLAG = False helps"
