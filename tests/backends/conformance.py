"""What every backend must do. A backend's test module parametrizes over LAWS with its own Bench."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from autoresearch_git.backends import hardware
from autoresearch_git.backends.base import ENDINGS, Backend, Finished, Handle, Job
from autoresearch_git.backends.execute import execute
from autoresearch_git.errors import HarnessError
from autoresearch_git.records import OUTCOMES, Run, decode, encode
from tests.backends.lab import SUMMARY

SLOW = "import time\nprint('10.0% loss: 2.5', flush=True)\ntime.sleep(60)\n"


@dataclass(frozen=True)
class Bench:
    """A backend under test, and jobs for it."""

    backend: Backend
    make_job: Callable[[str], Job]
    patience: float = 10.0  # seconds that anything may take beyond the command itself

    def finish(self, script: str, **changes: object) -> Finished:
        handle = self.backend.submit(replace(self.make_job(script), **changes))
        return self.backend.result(handle)


def a_good_run_is_recorded(bench: Bench) -> None:
    job = replace(bench.make_job(SUMMARY), seed=5)
    run = execute(job, bench.backend)
    assert (run.outcome, run.value, run.exit, run.seed) == ("ok", 1.25, 0, 5)
    assert run.metrics["num_steps"] == 3
    assert run.backend == bench.backend.name
    assert run.klass.startswith(job.contract + "-")
    assert run.hardware
    assert decode(encode(run), Run) == run


def the_hardware_is_known_or_not_said(bench: Bench) -> None:
    said = bench.backend.fingerprint()
    run = execute(bench.make_job(SUMMARY), bench.backend)
    if said:
        assert hardware.hardware_class(said) == hardware.hardware_class(run.hardware)


def a_crash_is_told_from_a_result(bench: Bench) -> None:
    run = execute(bench.make_job("raise ValueError('odd shape')\n"), bench.backend)
    assert (run.outcome, run.value, run.exit) == ("crash", None, 1)
    assert "ValueError" in run.signature


def the_seed_and_the_environment_arrive(bench: Bench) -> None:
    script = "import os\nprint(os.environ['AUTORESEARCH_SEED'], os.environ['COLOUR'])\n" + SUMMARY
    job = replace(bench.make_job(script), seed=11, env={"COLOUR": "green"})
    assert execute(job, bench.backend).outcome == "ok"
    assert job.log.read_text().splitlines()[0] == "11 green"


def progress_arrives_while_it_runs(bench: Bench) -> None:
    script = (
        "import time\n"
        "for i in range(8):\n"
        "    print(f'\\r{i}.0% | loss: {3 - i / 10} | tok/sec: 1,000', end='', flush=True)\n"
        "    time.sleep(0.25)\n"
        "print()\n"
    )
    handle = bench.backend.submit(bench.make_job(script + SUMMARY))
    began, seen = time.monotonic(), []
    for update in bench.backend.stream(handle):
        seen.append((time.monotonic() - began, update))
    finished = bench.backend.result(handle)
    losses = [update.loss for _, update in seen if update.loss is not None]
    assert len(losses) >= 3
    assert losses == sorted(losses, reverse=True)
    assert seen[0][0] < finished.seconds  # not all at the end


def the_place_is_announced_before_the_command_starts(bench: Bench) -> None:
    places: list[Handle] = []
    job = bench.make_job(SUMMARY)

    def announce(handle: Handle) -> None:
        assert not job.log.exists() or b"num_steps" not in job.log.read_bytes()
        places.append(handle)

    handle = bench.backend.submit(job, announce)
    assert places == [handle]
    assert handle.place
    bench.backend.result(handle)


def a_timeout_ends_it(bench: Bench) -> None:
    began = time.monotonic()
    finished = bench.finish(SLOW, timeout=1.0, grace=0.5)
    assert finished.timed_out
    assert 1.0 <= finished.seconds < 1.0 + bench.patience
    assert time.monotonic() - began < 2 * bench.patience


def cancel_ends_it(bench: Bench) -> None:
    for ending in ("killed", "stopped"):
        handle = bench.backend.submit(bench.make_job(SLOW))
        threading.Timer(0.5, bench.backend.cancel, (handle, ending)).start()
        finished = bench.backend.result(handle)
        assert finished.ended == ending
        assert finished.ended in ENDINGS
        assert finished.seconds < bench.patience
        bench.backend.cancel(handle)  # what has ended is ended: no error


def a_run_in_flight_can_be_attached(bench: Bench) -> None:
    job = bench.make_job(SLOW)
    handle = bench.backend.submit(job)
    assert bench.backend.attach(job.run) == handle
    bench.backend.cancel(handle, hard=True)
    bench.backend.result(handle)
    assert bench.backend.attach(job.run) is None
    assert bench.backend.attach("no-such-run") is None


def a_result_is_given_once(bench: Bench) -> None:
    handle = bench.backend.submit(bench.make_job(SUMMARY))
    bench.backend.result(handle)
    with pytest.raises(HarnessError):
        bench.backend.result(handle)


def a_missing_commit_is_the_harness(bench: Bench) -> None:
    run = execute(replace(bench.make_job(SUMMARY), commit="0" * 40), bench.backend)
    assert run.outcome == "harness"
    assert run.outcome in OUTCOMES
    assert run.detail


def many_runs_share_the_places(bench: Bench) -> None:
    jobs = [bench.make_job(SUMMARY + f"# {n}\n") for n in range(2 * bench.backend.jobs + 1)]
    runs: list[Run] = []
    threads = [
        threading.Thread(target=lambda job=job: runs.append(execute(job, bench.backend)))
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(run.run for run in runs) == sorted(job.run for job in jobs)
    assert {run.outcome for run in runs} == {"ok"}


LAWS = [
    a_good_run_is_recorded,
    the_hardware_is_known_or_not_said,
    a_crash_is_told_from_a_result,
    the_seed_and_the_environment_arrive,
    progress_arrives_while_it_runs,
    the_place_is_announced_before_the_command_starts,
    a_timeout_ends_it,
    cancel_ends_it,
    a_run_in_flight_can_be_attached,
    a_result_is_given_once,
    a_missing_commit_is_the_harness,
    many_runs_share_the_places,
]
