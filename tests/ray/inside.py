"""What `test_ray.py` runs, with a network of its own: the laws, and what kills do."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoresearch_git.backends import BACKENDS
from autoresearch_git.backends.base import Backend, Options
from autoresearch_git.backends.execute import execute
from autoresearch_git.errors import ArError, HarnessError
from autoresearch_git.records import Run
from tests.backends.conformance import LAWS, SLOW, Bench
from tests.backends.lab import SUMMARY, Lab, pids_of
from tests.ray.lab import ADDRESS, RUNS, Cluster

COUNTS = "open(%r, 'a').write('x')\nprint('first', flush=True)\nimport time\ntime.sleep(%s)\n"


@pytest.fixture(scope="session", autouse=True)
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    try:
        made.start("head", gpus=4, cpus=8)
        yield made
    finally:
        made.close()


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def opened(lab: Lab, **extra: str) -> Backend:
    return BACKENDS["ray"](bare(lab, **extra))


def bare(lab: Lab, **extra: str) -> Options:
    """Options for runs that leave a trace outside of their checkout."""
    return lab.options(jobs=2, sandbox=False, extra={"address": ADDRESS} | extra)


def actor(run: str) -> int:
    """The process of a run's actor."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for folder in RUNS.glob(f"{run}.*"):
            if pids_of(run):
                return int(folder.name.rpartition(".")[2])
        time.sleep(0.05)
    raise AssertionError("it did not start")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(lab: Lab, law: Callable[[Bench], None]) -> None:
    backend = BACKENDS["ray"](lab.options(jobs=2, extra={"address": ADDRESS}))
    law(Bench(backend, lab.job, patience=30.0))


def test_a_lost_worker_is_replaced_and_the_run_recorded_once(
    lab: Lab, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    times = tmp_path / "times"
    job = lab.job(COUNTS % (str(times), 2) + SUMMARY, run="lost")
    done: list[Run] = []
    thread = threading.Thread(target=lambda: done.append(execute(job, opened(lab))))
    thread.start()
    process = actor("lost")
    while not (times.exists() and times.read_text()):
        time.sleep(0.05)
    os.kill(process, signal.SIGKILL)
    thread.join(90)
    (run,) = done
    assert run.outcome == "ok"
    lost = run.checks["facts"]["lost"]
    assert (len(lost), len(times.read_text())) == (1, 2), lost
    assert capfd.readouterr().out == ""  # stdout is ours: Ray's news of the death is not on it


def test_a_run_that_is_always_lost_is_the_harness(lab: Lab) -> None:
    kills_its_actor = (
        "import os, time\n"
        "folder = os.path.dirname(os.getcwd())\n"
        "os.kill(int(folder.rpartition('.')[2]), 9)\n"
        "time.sleep(60)\n"
    )
    job = lab.job(kills_its_actor)
    run = execute(job, opened(lab))
    assert (run.outcome, run.value) == ("harness", None)
    assert "lost 3 times" in run.detail


CLIENT = """
import pickle, sys
from pathlib import Path
from autoresearch_git.backends import BACKENDS
options, job = pickle.loads(Path(sys.argv[1]).read_bytes())
backend = BACKENDS["ray"](options)
handle = backend.submit(job)
print("started", flush=True)
backend.result(handle)
"""


def test_a_killed_client_is_replaced_and_the_run_goes_on(lab: Lab, tmp_path: Path) -> None:
    times = tmp_path / "times"
    job = lab.job(COUNTS % (str(times), 4) + SUMMARY, run="orphan")
    spec = tmp_path / "spec"
    spec.write_bytes(pickle.dumps((bare(lab), job)))
    client = subprocess.Popen([sys.executable, "-c", CLIENT, spec], stdout=subprocess.PIPE)
    assert client.stdout
    assert client.stdout.readline() == b"started\n"
    client.kill()
    client.wait()
    assert not job.log.exists()
    run = execute(job, opened(lab))
    assert (run.outcome, run.value) == ("ok", 1.25)
    assert times.read_text() == "x"
    assert job.log.read_text().startswith("first\n")


def test_each_run_has_a_gpu_of_its_own_and_protected_files(lab: Lab) -> None:
    shows = "import os, tool, time\nprint(os.environ['CUDA_VISIBLE_DEVICES'], tool.WORD)\n"
    base = lab.commit(tool__py="WORD = 'right'\n")
    blob = lab.git("rev-parse", f"{base}:tool.py")
    lab.commit(tool__py="WORD = 'wrong'\n")
    backend = opened(lab)
    jobs = [
        replace(lab.job(shows + f"time.sleep(2)\n# {n}\n"), protected={"tool.py": blob})
        for n in range(2)
    ]
    handles = [backend.submit(job) for job in jobs]
    for handle in handles:
        backend.result(handle)
    said = [job.log.read_text().split() for job in jobs]
    assert {word for _, word in said} == {"right"}
    assert len({gpu for gpu, _ in said}) == 2


def test_nothing_of_a_cancelled_run_is_left(lab: Lab) -> None:
    backend = opened(lab)
    job = lab.job(SLOW)
    handle = backend.submit(job)
    backend.cancel(handle, hard=True)
    assert backend.result(handle).ended == "killed"
    assert not pids_of(job.run)
    assert not list(RUNS.glob(f"{job.run}.*"))


def test_no_room_is_said(lab: Lab) -> None:
    backend = BACKENDS["ray"](
        lab.options(jobs=1, wait=2.0, extra={"address": ADDRESS, "gpus": "16"})
    )
    with pytest.raises(HarnessError, match="no room for 16 GPUs"):
        backend.submit(lab.job(SUMMARY))


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"address": "nowhere"}, "ar.ray.address"),
        ({"cpus": "many"}, "ar.ray.cpus"),
    ],
)
def test_a_wrong_setting_is_said(lab: Lab, extra: dict[str, str], said: str) -> None:
    with pytest.raises(ArError, match=said):
        opened(lab, **extra).check()
