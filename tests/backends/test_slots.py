"""Slots and GPUs: one run a place, also between processes; a fake nvidia-smi stands in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autoresearch_git.backends import BACKENDS, hardware, slots
from autoresearch_git.backends.execute import execute
from autoresearch_git.errors import HarnessError
from autoresearch_git.refs import component
from tests.backends.lab import SUMMARY, Lab

SMI = """#!/bin/sh
case "$1" in
*query-gpu*)
  echo "0, GPU-aaaa, NVIDIA H100 80GB HBM3, 700.00, 570.86.15, 81559"
  echo "1, GPU-bbbb, NVIDIA H100 80GB HBM3, 700.00, 570.86.15, 81559" ;;
*) cat "$(dirname "$0")/apps" 2>/dev/null ;;
esac
"""


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A machine with two GPUs; write lines `uuid, pid` into the file that this returns."""
    folder = tmp_path / "smi"
    folder.mkdir()
    (folder / "nvidia-smi").write_text(SMI)
    (folder / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(hardware, "TEARDOWN", 0.1)
    hardware.gpus.cache_clear()
    yield folder / "apps"
    hardware.gpus.cache_clear()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AR_LOCKS", str(tmp_path / "locks"))
    return tmp_path / "slots"


def test_each_slot_is_held_once(folder: Path) -> None:
    first = slots.acquire(folder, 2, (), 0)
    second = slots.acquire(folder, 2, (), 0)
    assert {first.name, second.name} == {"cpu-0", "cpu-1"}
    with pytest.raises(HarnessError, match="no free slot"):
        slots.acquire(folder, 2, (), 0, wait=0.05)
    slots.release(first)
    assert slots.acquire(folder, 2, (), 0, wait=0.05).name == first.name


def test_a_slot_is_waited_for(folder: Path) -> None:
    held = slots.acquire(folder, 1, (), 0)
    threading.Timer(0.2, slots.release, (held,)).start()
    began = time.monotonic()
    slots.release(slots.acquire(folder, 1, (), 0, wait=5))
    assert 0.15 < time.monotonic() - began < 2


def test_the_kernel_frees_a_dead_process_slot(folder: Path) -> None:
    code = (
        "import sys, time, pathlib; from autoresearch_git.backends import slots\n"
        f"s = slots.acquire(pathlib.Path({str(folder)!r}), 1, (), 0)\n"
        "slots.mark(s, {'run': 'x'})\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    root = Path(slots.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root) as other:
        assert other.stdout
        other.stdout.readline()
        assert [said["run"] for said in slots.occupied(folder)] == ["x"]
        with pytest.raises(HarnessError):
            slots.acquire(folder, 1, (), 0, wait=0.05)
        other.kill()
        other.wait()
        assert list(slots.occupied(folder)) == []
        slots.release(slots.acquire(folder, 1, (), 0, wait=1))


def test_who_died_leaves_no_orphan(folder: Path) -> None:
    """The next holder of a slot ends what a killed one left running."""
    slot = slots.acquire(folder, 1, (), 0)
    slots.mark(slot, {"run": "x"})
    env = {**os.environ, "AR_SLOT": str(slot.file)}
    with subprocess.Popen(["sleep", "60"], env=env, start_new_session=True) as orphan:
        for lock in slot.locks:  # as the kernel does when the holder dies
            os.close(lock)
        slots.release(slots.acquire(folder, 1, (), 0, wait=1))
        assert orphan.wait(5) == -9


def test_a_new_backend_ends_the_orphans_of_every_slot(lab: Lab) -> None:
    folder = lab.private / "slots"
    for _ in range(3):
        slot = slots.acquire(folder, 3, (), 0)
    slots.mark(slot, {"run": "x"})
    env = {**os.environ, "AR_SLOT": str(slot.file)}
    with subprocess.Popen(["sleep", "60"], env=env, start_new_session=True) as orphan:
        for lock in slot.locks:
            os.close(lock)
        BACKENDS["local"](lab.options(jobs=1))
        assert orphan.wait(5) == -9


def test_cores_are_shared_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "cores", lambda: tuple(range(9)))
    assert [slots.acquire(folder, 2, (), 0).cores for _ in range(2)] == [
        (0, 1, 2, 3),
        (4, 5, 6, 7),
    ]
    assert slots.acquire(folder / "alone", 1, (), 0).cores == ()
    assert slots.acquire(folder / "crowd", 32, (), 0).cores == ()


@pytest.mark.parametrize(("n", "jobs"), [(1, 1), (2, 1), (4, 1), (16, 4)])
def test_auto_on_a_cpu(monkeypatch: pytest.MonkeyPatch, n: int, jobs: int) -> None:
    monkeypatch.setattr(slots, "cores", lambda: tuple(range(n)))
    assert slots.room((), 0) == jobs


def test_a_gpu_is_locked_for_the_whole_machine(folder: Path, smi: Path) -> None:
    gpus = hardware.gpus()
    assert slots.room(gpus, 1) == 2
    first = slots.acquire(folder / "one", 2, gpus, 1)
    second = slots.acquire(folder / "two", 2, gpus, 1)  # another repository
    assert {first.name, second.name} == {"gpu-0", "gpu-1"}
    with pytest.raises(HarnessError, match="no free slot"):
        slots.acquire(folder / "three", 1, gpus, 1, wait=0.05)
    slots.release(first)
    assert slots.acquire(folder / "three", 1, gpus, 1, wait=1).gpus == first.gpus


def test_two_timed_runs_on_one_gpu_are_refused(lab: Lab, smi: Path) -> None:
    with pytest.raises(HarnessError, match="3 runs of 1 GPUs at once, on 2 GPUs") as caught:
        BACKENDS["local"](lab.options(jobs=3))
    assert "--jobs auto" in caught.value.hint


def test_a_run_gets_its_gpu(lab: Lab, smi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    hardware.gpus.cache_clear()
    backend = BACKENDS["local"](lab.options(jobs=None))
    script = "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])\n" + SUMMARY
    job = lab.job(script)
    run = execute(job, backend)
    assert job.log.read_text().splitlines()[0] == "1"
    assert run.klass == "c0ffee-nvidia-h100-80gb-hbm3-x1"
    assert run.hardware["power_limit"] == 700
    assert run.checks["facts"]["slot"] == "gpu-1"


def test_a_gpu_in_foreign_use_is_passed_over(lab: Lab, smi: Path) -> None:
    smi.write_text("GPU-aaaa, 4242\n")
    run = execute(lab.job(SUMMARY), BACKENDS["local"](lab.options()))
    assert (run.outcome, run.checks["facts"]["slot"]) == ("ok", "gpu-1")


def test_no_free_gpu_is_refused(lab: Lab, smi: Path) -> None:
    smi.write_text("GPU-aaaa, 4242\nGPU-bbbb, 4243\n")
    run = execute(lab.job(SUMMARY), BACKENDS["local"](lab.options()))
    assert (run.outcome, run.seconds) == ("harness", 0)
    assert "all GPUs are in use; the last one by process 4243" in run.detail


def test_what_is_left_on_the_gpu_is_named(lab: Lab, smi: Path) -> None:
    script = f"open({str(smi)!r}, 'w').write('GPU-aaaa, 777\\n')\n" + SUMMARY
    run = execute(lab.job(script), BACKENDS["local"](lab.options(sandbox=False)))
    assert run.checks["gpu_left"] == {"GPU-aaaa": [777]}


def test_the_class_is_short_and_a_ref_component() -> None:
    h100 = {"cpu": "x", "cores": 4, "gpu": "NVIDIA H100 80GB HBM3", "gpus": 8}
    assert hardware.hardware_class(h100) == "nvidia-h100-80gb-hbm3-x8"
    cpu = {"cores": 4.0, "cpu": "Intel(R) Xeon(R) Platinum 8488C CPU @ 2.40GHz"}
    assert hardware.hardware_class(cpu) == "cpu-4x-intel-xeon-platinum-8488c"
    for odd in ({"cores": 0.5, "cpu": "x" * 80}, {"cores": 1, "cpu": ""}):
        name = hardware.hardware_class(odd)
        assert len(name) <= hardware.LONGEST
        assert component(name) == name


def test_the_data_hash_sees_names_sizes_and_both_ends(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_bytes(b"x" * (3 << 20))
    seen = {hardware.data_hash([]), hardware.data_hash([data])}
    (data / "a").write_bytes(b"x" * (3 << 20) + b"y")
    seen.add(hardware.data_hash([data]))
    (data / "a").rename(data / "b")
    seen.add(hardware.data_hash([data]))
    assert len(seen) == 4
    assert hardware.data_hash([data]) == hardware.data_hash([data])
