"""Every way in which the service fails: the right outcome, a clear message, no second sandbox."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from autoresearch_git.backends.execute import execute
from autoresearch_git.errors import ArError, HarnessError
from autoresearch_git.records import Run
from tests.backends.lab import SUMMARY
from tests.fake_modal.client import Service
from tests.modal.conftest import Bench


def run(bench: Bench, script: str = SUMMARY, **changes: object) -> Run:
    return execute(bench.lab.job(script, **changes), bench.make())


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("UNAUTHENTICATED", "Modal does not know you"),
        ("PERMISSION_DENIED", "Modal refuses"),
        ("INVALID_ARGUMENT", "the sandbox: "),
        ("RESOURCE_EXHAUSTED", "nothing free"),
        ("FAILED_PRECONDITION", "the sandbox cannot start"),
    ],
)
def test_what_the_service_refuses(modal_lab: Bench, fake: Service, status: str, says: str) -> None:
    fake.set(fail={"SandboxCreate": [status, 1000]})
    done = run(modal_lab)
    assert done.outcome == "harness"
    assert says in done.detail
    assert done.value is None


@pytest.mark.parametrize("status", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED"])
def test_a_short_outage_is_bridged(modal_lab: Bench, fake: Service, status: str) -> None:
    fake.set(fail={"SandboxCreate": [status, 2], "SandboxWait": [status, 1]})
    assert run(modal_lab).outcome == "ok"


def test_a_long_outage_is_the_harness(modal_lab: Bench, fake: Service) -> None:
    fake.set(fail={"SandboxCreate": ["UNAVAILABLE", 1000]})
    done = run(modal_lab)
    assert (done.outcome, done.value) == ("harness", None)
    assert "ServiceError" in done.detail


def test_a_lost_reply_makes_no_second_sandbox(modal_lab: Bench, fake: Service) -> None:
    fake.set(lost={"SandboxCreate": 1})
    before = set(fake.folder.glob("sb-*"))
    assert run(modal_lab).outcome == "ok"
    assert fake.calls("SandboxCreate") == 2
    assert len(set(fake.folder.glob("sb-*")) - before) == 1


def test_the_next_gpu_of_the_list_is_taken(modal_lab: Bench, fake: Service) -> None:
    fake.set(no_gpu=["H100!"])
    job = modal_lab.lab.job(SUMMARY)
    done = execute(job, modal_lab.make(gpu="H100!, A100-80GB"))
    assert done.outcome == "ok"
    assert done.checks["facts"]["gpu"] == "A100-80GB"
    assert "nothing free" in execute(job, modal_lab.make()).detail


def test_an_unknown_gpu_is_said(modal_lab: Bench, fake: Service) -> None:
    fake.set(unknown_gpu=["H1000"])
    done = execute(modal_lab.lab.job(SUMMARY), modal_lab.make(gpu="H1000"))
    assert done.outcome == "harness"
    assert "H1000" in done.detail


def test_a_build_that_fails_is_told(
    modal_lab: Bench, fake: Service, capfd: pytest.CaptureFixture[str]
) -> None:
    fake.set(broken_build="no such package: nunpy")
    job = modal_lab.lab.job(SUMMARY)
    done = execute(job, modal_lab.make(packages="nunpy"))
    assert done.outcome == "harness"
    assert "could not be built" in done.detail
    seen = capfd.readouterr()
    assert seen.out == ""  # stdout is data
    assert "nunpy" in seen.err


@pytest.mark.parametrize(
    "end",
    [
        "INIT_FAILURE",
        "INTERNAL_FAILURE",
        "IDLE_TIMEOUT",
        "MEMORY_MANAGER_EVICTION",
        "MEMORY_THRASHING_EVICTION",
        "KERNEL_OOM_KILL",
    ],
)
def test_an_end_without_its_mark_is_no_result(modal_lab: Bench, fake: Service, end: str) -> None:
    """The SDK raises nothing for these, and says exit status 0."""
    fake.set(end=end, after=1.0)
    done = run(modal_lab, SUMMARY + "import time\ntime.sleep(30)\n")
    assert (done.outcome, done.value) == ("harness", None)
    assert "end mark" in done.detail


def test_a_broken_log_stream_loses_nothing(modal_lab: Bench, fake: Service) -> None:
    fake.set(cut=2000)
    script = "for i in range(400): print('line', i)\n" + SUMMARY
    job = modal_lab.lab.job(script)
    assert execute(job, modal_lab.make()).outcome == "ok"
    lines = job.log.read_text().splitlines()
    assert lines[:400] == [f"line {i}" for i in range(400)]


def test_a_program_cannot_speak_for_the_entry(modal_lab: Bench) -> None:
    lie = '#{"end": {"ended": "exit", "exit": 0, "seconds": 1.0, "reports": [{"value": 0.1}]}}'
    job = modal_lab.lab.job(f"print({lie!r})\nraise SystemExit(3)\n")
    done = execute(job, modal_lab.make())
    assert (done.outcome, done.exit) == ("crash", 3)
    assert lie in job.log.read_text()


def test_carriage_returns_arrive_and_a_flood_is_bounded(modal_lab: Bench) -> None:
    script = (
        "import sys\n"
        "sys.stdout.write('\\r10.0% loss: 2.5'); sys.stdout.write('\\r'); sys.stdout.flush()\n"
        "line = 'x' * 1000 + '\\n'\n"
        "for _ in range(14000): sys.stdout.write(line)\n" + SUMMARY
    )
    job = modal_lab.lab.job(script)
    done = execute(job, modal_lab.make())
    assert (done.outcome, done.value) == ("ok", 1.25)
    assert done.checks["log_left_out"] > 1_000_000
    log = job.log.read_bytes()
    assert b"10.0% loss: 2.5\r" in log
    assert len(log) < 9 << 20


def test_the_private_channel_and_the_working_tree(modal_lab: Bench) -> None:
    """The commit runs, not what an editor does meanwhile."""
    report = (
        "import os\nos.write(int(os.environ['AUTORESEARCH_REPORT_FD']), b'{\"value\": 1.25}\\n')\n"
    )
    job = modal_lab.lab.job(report + SUMMARY)
    (modal_lab.lab.repo / "train.py").write_text("print('not this')\n")
    done = execute(job, modal_lab.make())
    assert done.outcome == "ok"
    assert done.checks["report"] == {"value": 1.25}


def test_what_it_leaves_running_does_not_hold_the_run(modal_lab: Bench) -> None:
    script = SUMMARY + (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    began = time.monotonic()
    assert run(modal_lab, script).outcome == "ok"
    assert time.monotonic() - began < 20


def test_a_command_that_is_not_there(modal_lab: Bench) -> None:
    done = run(modal_lab, command="no-such-program train.py")
    assert done.outcome == "harness"
    assert "no-such-program" in done.detail


def test_waiting_for_a_place_has_an_end(modal_lab: Bench) -> None:
    backend = modal_lab.make(jobs=1, wait=0.2)
    handle = backend.submit(modal_lab.lab.job("import time\ntime.sleep(30)\n"))
    with pytest.raises(HarnessError, match="no place"):
        backend.submit(modal_lab.lab.job(SUMMARY))
    backend.cancel(handle, hard=True)
    backend.result(handle)


def test_another_version_of_the_sdk(modal_lab: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import modal

    monkeypatch.setattr(modal, "__version__", "1.5.0")
    with pytest.raises(ArError, match=r"1\.5\.0"):
        modal_lab.make().check()


@pytest.mark.slow
def test_many_runs_at_once_from_one_client(modal_lab: Bench, fake: Service) -> None:
    backend = modal_lab.make(jobs=16)
    runs: list[Run] = []
    jobs = [modal_lab.lab.job(f"import time\ntime.sleep(1)\n{SUMMARY}# {n}\n") for n in range(16)]
    jobs = [replace(job, timeout=60.0) for job in jobs]
    threads = [
        threading.Thread(target=lambda job=job: runs.append(execute(job, backend))) for job in jobs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [(run.outcome, run.detail) for run in runs] == [("ok", "")] * 16
    assert fake.calls("SandboxCreate") == 16
