"""The early stop: what it concludes from curves, and what it costs on recorded ones."""

from __future__ import annotations

import math
import random

import pytest

from autoresearch_git.backends import BACKENDS, early
from autoresearch_git.backends.execute import execute
from tests.backends.lab import SUMMARY, Lab
from tests.bench.simulate_early import CURVES, simulate


def run_of(final: float, rng: random.Random, noise: float = 0.02) -> early.Past:
    """A power law towards the final value, as losses fall."""
    points = [i / 32 for i in range(1, 33)]
    curve = [(s, final + 0.5 * s**-0.4 - 0.5 + rng.gauss(0, noise)) for s in points]
    return early.Past(curve, final)


@pytest.fixture
def past() -> list[early.Past]:
    rng = random.Random(3)
    return [run_of(rng.uniform(1.0, 1.5), rng) for _ in range(40)]


def test_a_bad_run_is_hopeless_and_a_good_one_is_not(past: list[early.Past]) -> None:
    rng, best = random.Random(4), min(p.value for p in past)
    bad = early.forecast(run_of(1.4, rng).curve, 0.35, past, best)
    good = early.forecast(run_of(best - 0.01, rng).curve, 0.35, past, best)
    assert bad is not None
    assert good is not None
    assert bad.hopeless
    assert bad.low < 1.4 < bad.high
    assert good.chance > 0.2


def test_maximizing_is_the_mirror_image(past: list[early.Past]) -> None:
    curve = run_of(1.4, random.Random(4)).curve
    low = early.forecast(curve, 0.35, past, 1.02)
    mirrored = [early.Past(p.curve, -p.value) for p in past]
    high = early.forecast(curve, 0.35, mirrored, -1.02, minimize=False)
    assert low is not None
    assert high is not None
    assert high.chance == pytest.approx(low.chance)
    assert high.predicted == pytest.approx(-low.predicted)


def test_the_unit_of_the_metric_does_not_matter(past: list[early.Past]) -> None:
    curve = run_of(1.2, random.Random(4)).curve
    plain = early.forecast(curve, 0.2, past, 1.02)
    shifted = [early.Past(p.curve, 1000 + 10 * p.value) for p in past]
    moved = early.forecast(curve, 0.2, shifted, 1010.2)
    assert plain is not None
    assert moved is not None
    assert moved.chance == pytest.approx(plain.chance, rel=0.05, abs=1e-4)


def test_little_evidence_says_nothing(past: list[early.Past]) -> None:
    curve = run_of(1.4, random.Random(4)).curve
    assert early.forecast(curve, 0.2, past[: early.FEWEST - 1], 1.0) is None
    assert early.forecast(curve[:3], 0.5, past, 1.0) is None
    assert early.forecast([], 0.2, past, 1.0) is None
    broken = [(s, math.nan) for s, _ in curve]
    assert early.forecast(broken, 0.2, past, 1.0) is None


def test_identical_runs_do_not_break_it() -> None:
    same = run_of(1.2, random.Random(1), noise=0.0)
    found = early.forecast(same.curve, 0.2, [same] * 30, 1.2)
    assert found is not None
    assert found.predicted == pytest.approx(1.2)
    assert not found.hopeless


def test_each_share_is_looked_at_once(past: list[early.Past]) -> None:
    watch = early.Watch(past, best=1.0)
    said = [watch.see(s, loss) for s, loss in run_of(1.45, random.Random(5)).curve]
    stops = [forecast for forecast in said if forecast]
    assert 1 <= len(stops) <= len(early.SHARES)
    assert watch.see(None, 2.0) is None
    assert watch.see(0.01, 2.0) is None  # progress that goes back


def test_recorded_curves() -> None:
    """The issue's figure, on runs that no constant was chosen by."""
    tally = simulate(CURVES / "held.json.gz", 4)
    assert 1 - tally.spent / tally.runs >= 0.40
    assert tally.winners >= 10
    assert tally.lost <= 0.01 * tally.winners
    assert tally.covered / tally.forecasts > 0.85


def test_a_hopeless_run_is_stopped_and_says_why(lab: Lab, past: list[early.Past]) -> None:
    curve = run_of(1.45, random.Random(5)).curve
    script = (
        "import time\n"
        f"for share, loss in {curve!r}:\n"
        "    print(f'{share:.2%} loss: {loss}', flush=True); time.sleep(0.21)\n"
    ) + SUMMARY
    watch = early.Watch(past, best=1.0)
    run = execute(lab.job(script), BACKENDS["local"](lab.options()), early=watch)
    assert (run.outcome, run.value) == ("stopped", None)
    found = run.checks["early_stop"]
    assert found["low"] < found["predicted"] < found["high"]
    assert found["chance"] < early.CHANCE
    assert "of the budget" in run.detail
    assert run.seconds < 32 * 0.21
