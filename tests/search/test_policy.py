"""Phases, the bandit, the archive, and the novelty gate."""

from __future__ import annotations

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_git.history import Tally, last_gain
from autoresearch_git.records import EMITTERS, PHASES, Experiment, Plan
from autoresearch_git.search import archive, novelty, scheduler
from autoresearch_git.search.phase import PLATEAU, phase
from autoresearch_git.search.points import Point
from tests.search.past import BASE, experiment, history


def test_phases_follow_the_history() -> None:
    crash = [experiment(f"c{i}", None) for i in range(4)]
    near = (experiment("n1", 1.0), experiment("n2", 1.0))
    assert phase(history(baseline=None)) == "baseline"
    assert phase(history()) == "exploit"
    assert phase(history(*crash)) == "stabilize"
    assert phase(history(plateau=PLATEAU)) == "explore"
    assert phase(history(plateau=2 * PLATEAU, near_misses=near)) == "recombine"
    assert phase(history(plateau=2 * PLATEAU)) == "exploit"  # nothing to recombine
    assert all(phase(history(plateau=s)) in PHASES for s in range(50))


def outcomes(emitter: str, wins: int, losses: int) -> list[Experiment]:
    verdicts = ["keep"] * wins + ["discard"] * losses
    return [experiment(f"{emitter}{i}", 1.0, verdict=v, emitter=emitter)
            for i, v in enumerate(verdicts)]  # fmt: skip


def test_the_bandit_prefers_what_wins() -> None:
    past = [*outcomes("local_tuner", 1, 9), *outcomes("contrarian", 8, 2)]
    random.Random(0).shuffle(past)
    score = scheduler.scores(history(*past), "exploit")
    assert score["contrarian"] > score["local_tuner"]


def test_a_crash_is_never_a_reward() -> None:
    crashes = [experiment(f"c{i}", None, emitter="simplifier") for i in range(5)]
    losses = outcomes("simplifier", 0, 5)
    of = [scheduler.scores(history(*past), "exploit")["simplifier"] for past in (crashes, losses)]
    assert of[0] <= of[1]
    assert of[0] < scheduler.scores(history(), "exploit")["simplifier"]


def test_runs_in_flight_count_as_pulls() -> None:
    plan = Plan(emitter="local_tuner", phase="exploit", change="", parent="base")
    flying = tuple(Experiment(commit=f"r{i}", plan=plan) for i in range(4))
    busy = scheduler.scores(history(running=flying), "exploit")
    assert busy["local_tuner"] < scheduler.scores(history(), "exploit")["local_tuner"]


def test_dear_emitters_must_win_more() -> None:
    past = [*outcomes("simplifier", 3, 3), *outcomes("contrarian", 3, 3)]
    tallies = {
        "simplifier": Tally(tries=6, seconds=6000),
        "contrarian": Tally(tries=6, seconds=600),
    }
    score = scheduler.scores(history(*past, emitters=tallies), "exploit")
    assert score["simplifier"] < score["contrarian"]


def test_old_wins_fade() -> None:
    early = [*outcomes("contrarian", 10, 0), *outcomes("local_tuner", 0, 100)]
    late = [*outcomes("local_tuner", 0, 100), *outcomes("contrarian", 10, 0)]
    arm = [scheduler.arms(history(*past))["contrarian"].wins for past in (early, late)]
    assert arm[0] < arm[1] / 2


def test_order_has_every_emitter_once() -> None:
    found = scheduler.order(history(), "explore", random.Random(0))
    assert sorted(found) == sorted(EMITTERS)


@given(st.lists(st.tuples(st.floats(0.9, 1.1), st.integers(0, 9)), min_size=1, max_size=9))
def test_parent_weights_fall_with_cost_and_children(pool: list[tuple[float, int]]) -> None:
    weights = archive.weights([c for c, _ in pool], [n for _, n in pool])
    assert all(weight >= 0 for weight in weights)
    for (a, n), w in zip(pool, weights, strict=True):
        for (b, m), v in zip(pool, weights, strict=True):
            if a <= b and n <= m:
                assert w >= v


def test_parents_come_from_the_archive() -> None:
    elite, near = experiment("elite", 0.9), experiment("near", 0.95)
    past = history(elites={"x": elite}, near_misses=(near,))
    drawn = {archive.parent(past, random.Random(i)).commit for i in range(60)}
    assert "elite" in drawn
    assert drawn <= {"elite", "near", "base"}
    assert archive.parent(history(incumbent=None, best=None), random.Random(0)) == BASE


def test_soft_threshold_lets_a_lucky_run_be_beaten() -> None:
    lucky = archive.enter(1.0, 0.9, minimize=True, rate=0.5)
    assert lucky == pytest.approx(0.95)
    assert archive.enter(lucky, 0.94, minimize=True) is not None  # a plain archive would refuse
    assert archive.enter(1.0, 1.0, minimize=True) is None
    assert archive.enter(1.0, 1.1, minimize=False, rate=1.0) == pytest.approx(1.1)
    assert archive.enter(None, 7.0, minimize=True) == 7.0


def test_entering_the_archive_is_a_reward_too() -> None:
    one = experiment("n", 1.0005, emitter="contrarian", delta=0.0005)
    far = experiment("f", 1.0005, emitter="contrarian", delta=0.05)
    placed = [
        msgspec.structs.replace(e, review=msgspec.structs.replace(e.review, niche="n"))
        for e in (one, far)
    ]
    assert archive.entered(history(*placed)) == {"n"}
    rewards = [scheduler.arms(history(e))["contrarian"].wins for e in placed]
    assert rewards == [1.0, 0.0]


def test_a_lucky_keep_is_no_reward_and_does_not_end_a_plateau() -> None:
    lucky, won = (
        experiment("k", 1.0 - gain, emitter="local_tuner", verdict="keep", delta=-gain)
        for gain in (0.0005, 0.005)
    )
    rewards = [scheduler.arms(history(e))["local_tuner"].wins for e in (lucky, won)]
    assert rewards == [0.0, 1.0]


def keeps(*values: float) -> list[Experiment]:
    """Keeps with these values, the newest first, each compared with the one before."""
    made = [experiment(f"k{i}", v, verdict="keep", seq=i) for i, v in enumerate(values)]
    for i in range(1, len(made)):
        review = msgspec.structs.replace(made[i].review, best=values[i - 1], sigma=0.001)
        made[i] = msgspec.structs.replace(made[i], review=review)
    return made[::-1]


@pytest.mark.parametrize(
    ("values", "gained"),
    [
        ((1.0, 0.9), "k1"),
        ((1.0, 0.9, 0.8995, 0.899), "k1"),  # twice within the noise
        ((1.0, 0.9, 0.8989, 0.898, 0.897), "k2"),  # small steps add up
        ((1.0, 0.9995), "k0"),
    ],
)
def test_the_last_gain_is_beyond_the_noise(values: tuple[float, ...], gained: str) -> None:
    found = last_gain(keeps(*values))
    assert found is not None
    assert found.commit == gained


def test_nothing_kept_is_no_gain() -> None:
    assert last_gain([]) is None


def test_layout_and_comments_are_not_new() -> None:
    old = {"t.py": 'def f(x):\n    """Doc."""\n    return (x+1)  # one\n'}
    same = {"t.py": "def f( x ):\n\n    return x + 1\n"}
    other = {"t.py": "def f(x):\n    return x + 2\n"}
    assert novelty.equivalent(old, same)
    assert not novelty.equivalent(old, other)
    assert not novelty.equivalent({"t.py": "def f(:"}, {"t.py": "def f(: "})


@pytest.mark.parametrize(
    ("old", "new", "seed"),
    [
        ("SEED = 1\nLR = 1\n", "SEED = 2\nLR = 1\n", True),
        ("torch.manual_seed(1)\n", "torch.manual_seed(7)\n", True),
        ("f(seed=1)\n", "f(seed=2)\n", True),
        ("SEED = 1\nLR = 1\n", "SEED = 2\nLR = 2\n", False),
        ("SEED = 1\n", "SEED = 1  # c\n", False),
        ("f(:", "f(: ", False),
    ],
)
def test_a_change_of_the_seed_alone_is_a_replicate(old: str, new: str, seed: bool) -> None:
    assert novelty.only_seed({"t.py": old}, {"t.py": new}) is seed


def test_near_duplicates_are_seen() -> None:
    from autoresearch_git.search.knobs import read
    from tests.search.past import TRAIN

    knobs = read({"t.py": TRAIN}).knobs
    known = [Point("a", {"LR": "0.04", "DEPTH": "8"}, 1.0)]
    assert novelty.seen({"LR": "0.0401", "DEPTH": "8"}, known, knobs) == "a"
    assert novelty.seen({"LR": "0.05", "DEPTH": "8"}, known, knobs) is None
    assert novelty.seen({"LR": "0.04", "DEPTH": "9"}, known, knobs) is None
    assert novelty.seen({"LR": "0.04", "DEPTH": "8", "move:x": "True"}, known, knobs) is None


def test_scores_are_finite_for_an_empty_history() -> None:
    empty = history(baseline=None, incumbent=None, best=None)
    empty = msgspec.structs.replace(empty, recent=(), count=0)
    assert all(math.isfinite(s) for s in scheduler.scores(empty, "explore").values())
