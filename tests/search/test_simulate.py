"""Landscapes, the replay of policies, and the surrogate of real trials."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest

from autoresearch_git.emitters.moves import MOVES, apply
from autoresearch_git.emitters.replay import POLICIES, Ours, with_rule
from autoresearch_git.emitters.synthetic import LINES, render, setting_of
from autoresearch_git.errors import ArError
from autoresearch_git.search import knobs, landscape, own, simulate, traps, trials
from autoresearch_git.search.landscape import Trial
from autoresearch_git.search.policies import HillClimbing
from tests.search.past import TRAIN, history, varied

TABLE = Path(__file__).parents[3] / "shared" / "data" / "trials.json.gz"
NOISY = traps.LANDSCAPES["noisy"]


def test_a_synthetic_train_file_holds_the_setting() -> None:
    text = render(trials.START, trials.RANGES)
    found = {k.name: k for k in knobs.read({"train.py": text}).knobs}
    assert {name: k.value for name, k in found.items()} == trials.START
    assert {name: k.range for name, k in found.items()} == trials.RANGES


def test_every_structural_dimension_is_one_real_move() -> None:
    ground = traps.LANDSCAPES["structure"]
    start = render(ground.start, ground.ranges)
    assert setting_of(start, ground.ranges) == ground.start
    made = {f"move:{name}": apply(move, {"t.py": start}) for name, move in MOVES.items()}
    assert {name for name, files in made.items() if files} == set(LINES)
    for name in LINES:
        changed = setting_of(made[name]["t.py"], ground.ranges)
        assert changed == {**ground.start, name: True}


def test_merges_have_the_newest_common_ancestor() -> None:
    """Two changes of one parent merge, though that parent has changed the start's lines."""
    policy = Ours(NOISY, random.Random(0))
    for k in range(12):
        policy.observe(policy.propose(), 1.0 - 0.01 * k)
    first, *_, last = policy.experiments
    parent = policy.experiments[-2].commit
    files = policy.files[parent]["train.py"]
    one, two = (files.replace(f"{n} = ", f"{n} =  ") for n in ("WIDTH", "HEADS"))
    for name, text in (("one", one), ("two", two)):
        policy.files[name] = {"train.py": text}
        plan = msgspec.structs.replace(last.plan, parent=parent)
        policy.experiments.append(msgspec.structs.replace(last, commit=name, plan=plan))
    merged = policy.merge("one", "two")
    assert merged == {"train.py": one.replace("HEADS = ", "HEADS =  ")}
    assert policy.lineage("one")[-2:] == [first.commit, "start"]


def test_replays_repeat_and_noise_is_paired() -> None:
    runs = [simulate.replay(HillClimbing, NOISY, 20, seed) for seed in (3, 3, 4)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


@pytest.mark.parametrize("name", [n for n in POLICIES if n not in ("ours", "gp")])
def test_every_policy_starts_at_the_start_and_stays_in_range(name: str) -> None:
    if name in ("tpe", "cma-es"):
        pytest.importorskip("optuna")
    if name == "cma-es":
        pytest.importorskip("cmaes")
    ground = landscape.Landscape(trials.RANGES, trials.START, lambda setting: 1.0, lambda v: 0.01)
    policy = POLICIES[name](ground, random.Random(0))
    for k in range(12):
        setting = policy.propose()
        if k == 0:
            assert dict(setting) == trials.START
        for key, limits in trials.RANGES.items():
            if limits.kind == "choice":
                assert setting[key] in limits.choices
            else:
                assert limits.low <= setting[key] <= limits.high
        policy.observe(setting, ground.run(setting, random.Random(k)) if k % 4 else None)


def test_ours_beats_hill_climbing_on_the_traps_and_repeats_nothing() -> None:
    for name, ground in traps.LANDSCAPES.items():
        ours = [simulate.replay(Ours, ground, 30, seed) for seed in range(4)]
        hill = [simulate.replay(HillClimbing, ground, 30, seed) for seed in range(4)]
        assert simulate.paired(ours, hill, 30).mean < 0, name
        assert sum(trace.repeats for trace in ours) == 0, name


def test_replication_before_a_keep_costs_runs() -> None:
    count = {}
    for rule in ("lower", "replicate"):
        policy = with_rule(rule)(NOISY, random.Random(0))
        for k in range(15):
            setting = policy.propose()
            policy.observe(setting, NOISY.run(setting, random.Random(k)))
        assert isinstance(policy, Ours)
        count[rule] = len(policy.experiments)
    assert count["replicate"] < count["lower"] == 15


def test_a_surrogate_learns_values_and_crashes() -> None:
    rng = random.Random(0)
    table = []
    for i in range(150):
        setting = {name: rng.random() for name in traps.RANGES}
        bad = setting["WIDTH"] > 0.7
        value = None if bad else NOISY.truth(setting)
        table.append(Trial(setting, value, f"campaign {i % 5}"))
    error = landscape.cross_validate(table, traps.RANGES)
    assert error.crashes > 0.85
    assert error.rank > 0.8
    truth = landscape.fit(table, traps.RANGES)
    assert truth({**traps.START, "WIDTH": 0.95}) is None
    assert truth(traps.START) == pytest.approx(NOISY.truth(traps.START), abs=0.01)


def test_the_users_own_facts_become_a_landscape() -> None:
    ground = own.of_history(history(*varied(60)), {"train.py": TRAIN})
    assert set(ground.ranges) == {"LR", "DEPTH"}
    assert ground.start == {"LR": 0.04, "DEPTH": 8}  # of the baseline
    assert ground.sigma == history().sigma
    better, worse = ground.truth({"LR": 0.01, "DEPTH": 12}), ground.truth({"LR": 0.15, "DEPTH": 12})
    assert better is not None
    assert worse is not None
    assert better < worse
    with pytest.raises(ArError, match="too few"):
        own.of_history(history(*varied(3)), {"train.py": TRAIN})
    with pytest.raises(ArError, match="nothing has been run"):
        own.of_history(history(baseline=None, incumbent=None, best=None), {})


def test_intervals() -> None:
    found = simulate.interval([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half == pytest.approx(1.96 / 3**0.5)


@pytest.mark.skipif(not TABLE.exists(), reason="the table of trials is not here: ../shared/data")
def test_real_trials_reproduce_what_is_known() -> None:
    table = trials.read(TABLE.read_bytes())
    assert len(table) > 10_000
    ground = trials.landscape(
        landscape.fit(table, trials.RANGES, trials.DERIVED, 1000, trials.repair)
    )
    assert ground.truth(trials.START) == pytest.approx(0.9915, abs=0.002)
    assert ground.truth({**trials.START, "DEPTH": 24}) is None  # out of memory
    rng = random.Random(0)
    from autoresearch_git.search.policies import Random

    policy = Random(ground, rng)
    crashes = sum(ground.truth(policy.next()) is None for _ in range(300)) / 300
    assert 0.4 < crashes < 0.65  # the real random search: 0.56
    assert trials.deviation(0.98) < trials.deviation(1.05) < trials.deviation(1.2)


def test_names_that_are_no_identifiers_survive() -> None:
    ranges = {"BETAS[0]": traps.RANGES["WIDTH"], "DEPTH@1": traps.RANGES["WIDTH"],
              "DEPTH_1": traps.RANGES["WIDTH"]}  # fmt: skip
    setting = dict(zip(ranges, (0.1, 0.2, 0.3), strict=True))
    assert setting_of(render(setting, ranges), ranges) == setting
    ground = landscape.Landscape(ranges, setting, lambda s: sum(map(float, s.values())), abs)
    for name in ("ours", "hill-climbing"):
        assert len(simulate.replay(POLICIES[name], ground, 4, 0).values) == 4


def test_a_policy_with_nothing_left_to_try_repeats_what_it_has() -> None:
    choice = trials.Range("choice", choices=(False, True))
    ground = landscape.Landscape({"FAST": choice}, {"FAST": True}, lambda s: 1.0, lambda v: 0.0)
    trace = simulate.replay(POLICIES["ours"], ground, 5, 0)
    assert len(trace.values) == 5
    assert trace.repeats == 0  # wanted ones
