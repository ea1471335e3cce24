"""Sigma and its parts, the prior of effects, and posteriors that cover the truth."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_git.review import noise, population
from autoresearch_git.review.best import best
from autoresearch_git.review.gaussian import Mixture
from tests.review import lab

BASE = lab.baseline(0.9979)


def replicated(rng, count, repeat, seed, host=0.0, runs=3, hosts=1, seeds=3):
    """Experiments with `runs` values each, made of three sources of scatter."""
    made = []
    for k in range(count):
        by_seed = [rng.gauss(0, seed) for _ in range(seeds)]
        by_host = [rng.gauss(0, host) for _ in range(hosts)]
        values = [
            lab.run(
                f"{k}.{j}",
                0.99 + by_seed[j % seeds] + by_host[j % hosts] + rng.gauss(0, repeat),
                seed=j % seeds,
                hardware={"host": f"h{j % hosts}"},
            )
            for j in range(runs)
        ]
        made.append(lab.experiment(f"e{k}", *values))
    return made


def test_without_replicates_the_prior_holds():
    assert noise.learn(lab.history(BASE)).sigma == pytest.approx(0.0003)


def test_sigma_is_learned_from_replicates():
    rng = random.Random(1)
    learned = noise.learn(lab.history(BASE, *replicated(rng, 120, 0.0004, 0.0008)))
    assert learned.sigma == pytest.approx(0.0009, rel=0.15)


def test_same_seed_and_other_seed_are_told_apart():
    rng = random.Random(2)
    runs = replicated(rng, 120, 0.0002, 0.0010, runs=6, seeds=3)
    learned = noise.learn(lab.history(BASE, *runs))
    assert learned.repeat == pytest.approx(0.0002, rel=0.25)
    assert learned.seed == pytest.approx(0.0010, rel=0.25)


def test_other_hosts_are_kept_apart():
    rng = random.Random(3)
    runs = replicated(rng, 150, 0.0002, 0.0, host=0.0012, runs=4, hosts=2, seeds=1)
    learned = noise.learn(lab.history(BASE, *runs))
    assert learned.repeat == pytest.approx(0.0002, rel=0.1)
    assert learned.host == pytest.approx(0.0012, rel=0.25)


def test_replicates_without_seeds_count_too():
    rng = random.Random(4)
    values = tuple(tuple(rng.gauss(0.99, 0.0009) for _ in range(3)) for _ in range(100))
    assert noise.learn(lab.history(BASE, replicates=values)).sigma == pytest.approx(0.0009, rel=0.1)


@pytest.mark.parametrize("spoiled", [{"contended": "x"}, {"violations": ["x"]}])
def test_disturbed_runs_say_nothing_about_sigma(spoiled):
    runs = [lab.run("a", 0.95, checks=spoiled), lab.run("b", 0.99), lab.run("c", 0.99, cached="b")]
    learned = noise.learn(lab.history(BASE, lab.experiment("e", *runs)))
    assert (learned.runs, learned.sigma) == (0, pytest.approx(0.0003))


def test_noise_grows_with_badness_as_measured():
    grown = [noise.growth(value, 0.998, True) for value in (0.97, 0.998, 1.05, 1.1)]
    assert grown == [1, 1, pytest.approx(2.8, abs=0.2), pytest.approx(4.6, abs=0.3)]
    assert noise.growth(1.0, 0.0, True) == noise.growth(1.0, None, True) == 1


def test_seeds_average_out_and_repeats_of_one_seed_do_not():
    known = noise.Noise(repeat=1.0, seed=2.0, host=0.0)
    same = [lab.run(f"s{k}", 1.0, seed=7) for k in range(100)]
    other = [lab.run(f"o{k}", 1.0, seed=k) for k in range(100)]
    assert noise.variance_of_mean(same[:1], known) == pytest.approx(5.0)
    assert noise.variance_of_mean(same, known) == pytest.approx(4.01)
    assert noise.variance_of_mean(other, known) == pytest.approx(0.05)
    assert (noise.seeds(same), noise.seeds(other)) == (1, 100)


def test_the_prior_learns_what_changes_do():
    rng = random.Random(5)
    harmful = population.fit([(rng.gauss(-8, 5), 1.3) for _ in range(100)])
    helpful = population.fit([(rng.gauss(3, 2), 1.3) for _ in range(100)])
    assert Mixture(harmful).above(0) < 0.15
    assert Mixture(helpful).above(0) > 0.45
    assert sum(weight for weight, _, _ in harmful) == pytest.approx(1)


def test_no_noise_is_believed_exactly():
    prior = population.fit([])
    true, gain = population.posterior(0.5, 0.0, 0.4, 0.0, prior, 0.01)
    assert true.mean == pytest.approx(0.5)
    assert gain.mean == pytest.approx(0.1)


@given(st.floats(-1e3, 1e3), st.floats(1e-9, 10), st.floats(0, 10))
def test_the_posterior_lies_between_the_data_and_its_prior(value, variance, doubt):
    prior = ((1.0, 0.0, 1.0),)
    true, gain = population.posterior(value, variance, 0.0, doubt, prior, 1.0)
    assert min(0.0, value) - 1e-9 <= true.mean <= max(0.0, value) + 1e-9
    assert 0 <= gain.above(0.0) <= 1
    assert true.variance <= variance + 1e-9


def test_intervals_cover_the_truth_when_effects_are_drawn_from_the_prior():
    """95% +- 2% of 4,000 drawn true values lie inside; the corrected mean is unbiased."""
    rng, inside, winners = random.Random(6), 0, []
    prior = population.fit([(rng.gauss(-4, 6), 1.3) for _ in range(100)])
    for _ in range(4000):
        weight, mean, variance = rng.choices(prior, [part[0] for part in prior])[0]
        tip = rng.gauss(0, 0.7)
        truth = tip + rng.gauss(mean, variance**0.5)
        read = truth + rng.gauss(0, 1)
        true, gain = population.posterior(read, 1.0, 0.0, 0.49, prior, 1.0)
        inside += abs(true.mean - truth) <= 1.96 * true.variance**0.5
        if gain.above(0.0) > 0.5:
            winners.append((read - truth, true.mean - truth))
        assert weight > 0
    assert 0.93 <= inside / 4000 <= 0.97
    raw, corrected = (sum(w[k] for w in winners) / len(winners) for k in (0, 1))
    assert raw > 0.3
    assert abs(corrected) < 0.1


def test_the_reported_best_is_less_good_than_it_read():
    lucky = lab.experiment("lucky", lab.run("r1", 0.9970))
    from autoresearch_git.review.judge import judge

    review = judge(lucky, lab.TUNED, lab.history(BASE))
    lucky = type(lucky)(commit="lucky", plan=lucky.plan, runs=lucky.runs, review=review)
    found = best(lab.history(BASE, lucky, incumbent=lucky))
    assert found.commit == "lucky"
    assert (found.measured, found.n, found.confirmed) == (0.9970, 1, False)
    assert found.low < found.measured < found.value < found.high
    assert best(lab.history()) is None
