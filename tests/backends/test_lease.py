"""Leases, results that are known already, and what disturbs a timing."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from autoresearch_git.backends import contention, lease
from autoresearch_git.backends.reuse import cached
from autoresearch_git.records import Lease, Run

HERE = os.uname().nodename


def held(pid: int, seconds: float = 60.0) -> Lease:
    return Lease(run="r", pid=pid, slot="cpu-0", until=time.time() + seconds)


def test_our_own_lease_is_not_stale() -> None:
    assert not lease.is_stale(held(os.getpid()), HERE, time.time())


def test_a_lease_runs_out() -> None:
    assert lease.is_stale(held(os.getpid(), -1.0), HERE, time.time())
    assert lease.is_stale(held(1, -1.0), "elsewhere", time.time())


def test_a_dead_process_on_this_host_is_stale_at_once() -> None:
    with subprocess.Popen(["true"]) as child:
        time.sleep(0.1)
        assert lease.is_stale(held(child.pid), HERE, time.time())  # a zombie: not collected yet
        child.wait()
        assert lease.is_stale(held(child.pid), HERE, time.time())
        assert not lease.is_stale(held(child.pid), "elsewhere", time.time())


def test_a_pid_that_is_used_again_is_stale() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        now = time.time()
        assert not lease.is_stale(held(child.pid), HERE, now, taken=now)
        assert lease.is_stale(held(child.pid), HERE, now, taken=now - 3600)
        child.kill()


def test_the_end_is_after_everything_that_may_take_time() -> None:
    assert lease.until(100.0, 600.0, 5.0) > 705.0


def run(name: str, outcome: str = "ok", seed: int | None = 1, **more: object) -> Run:
    return Run(run=name, outcome=outcome, seconds=3.0, klass="k", seed=seed, **more)  # type: ignore[arg-type]


def test_a_known_result_is_given_back_and_marked() -> None:
    runs = [run("a", value=1.5, cost=0.4), run("b", seed=2)]
    again = cached(runs, "k", 1, "new")
    assert again is not None
    assert (again.run, again.cached, again.value) == ("new", "a", 1.5)
    assert (again.seconds, again.cost) == (0.0, 0.0)
    third = cached([*runs, again], "k", 1, "newer")
    assert third is not None
    assert third.cached == "a"


@pytest.mark.parametrize("outcome", ["killed", "harness", "stopped"])
def test_what_was_not_finished_is_not_known(outcome: str) -> None:
    assert cached([run("a", outcome)], "k", 1, "new") is None


def test_another_seed_or_class_is_not_known() -> None:
    assert cached([run("a")], "k", 3, "new") is None
    assert cached([run("a")], "other", 1, "new") is None


@pytest.mark.parametrize(
    ("speed", "usual", "foreign", "own", "contended"),
    [
        (97.9, 100.0, 0.0, 4.0, True),
        (98.1, 100.0, 3.0, 1.0, False),  # as fast as ever: whatever the others do
        (None, None, 0.5, 3.6, True),  # a full machine, partly by others
        (None, None, 0.5, 2.0, False),  # room for both
        (None, None, 0.1, 3.9, False),
        (50.0, None, 0.0, 4.0, False),
    ],
)
def test_contention(speed, usual, foreign: float, own: float, contended: bool) -> None:
    assert ("contended" in contention.check(speed, usual, foreign, own, 4.0)) == contended


def test_others_are_what_is_not_ours() -> None:
    before, after = {0: 10.0, 1: 20.0}, {0: 12.0, 1: 21.0}
    assert contention.others(before, after, (), own=2.0, seconds=2.0) == 0.5
    assert contention.others(before, after, (1,), own=0.0, seconds=2.0) == 0.5
    assert contention.others({}, after, (), own=0.0, seconds=2.0) == 0.0
    now = contention.busy()
    assert set(now) == set(range(os.cpu_count() or 1))


def test_the_usual_speed_is_that_of_undisturbed_runs() -> None:
    def timed(name: str, speed: float, **checks: object) -> Run:
        return run(name, checks={"facts": {"tokens_per_second": speed}, **checks})

    known = [timed("a", 100.0), timed("b", 102.0), timed("c", 50.0, contended="others")]
    assert contention.usual(known, "k") == 101.0
    assert contention.usual(known, "other") is None
    assert contention.usual(known[:1], "k") is None
