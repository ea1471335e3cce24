"""Runs on this machine, on commands that behave."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autoresearch_git.backends import BACKENDS, sandbox
from autoresearch_git.backends.base import Backend, Update
from autoresearch_git.backends.execute import execute
from tests.backends.lab import SUMMARY, Lab, pids_of


def test_a_run_becomes_its_record(lab: Lab, backend: Backend) -> None:
    places, updates = [], []
    script = (
        "import os, time\n"
        "for i in range(3):\n"
        "    print(f'\\rstep {i} ({i * 50}.0%) | loss: {3 - i} | tok/sec: 900', end='')\n"
        "    time.sleep(0.25)\n"
        "os.write(int(os.environ['AUTORESEARCH_REPORT_FD']), b'{\"value\": 1.25}\\n')\n"
        "print()\n" + SUMMARY
    )
    job = lab.job(script, seed=7)
    run = execute(job, backend, updates.append, places.append)
    assert (run.outcome, run.value, run.exit, run.seed) == ("ok", 1.25, 0, 7)
    assert run.metrics == {"num_steps": 3.0}
    assert run.curve == ((0.0, 3.0), (0.5, 2.0), (1.0, 1.0))
    assert run.checks["report"] == {"value": 1.25}
    assert run.klass.startswith("c0ffee-cpu-")
    assert run.seconds >= 0.75
    assert [place.run for place in places] == [job.run]
    seen = [u for u in updates if u.loss is not None]
    assert isinstance(seen[0], Update)
    assert seen[0].tokens_per_second == 900
    assert run.checks["facts"]["tokens_per_second"] == 900
    assert backend.attach(job.run) is None


def test_a_second_run_finds_a_clean_checkout(lab: Lab, backend: Backend) -> None:
    dirty = "open('left', 'w').write('x'); open('prepare.py', 'w').write('hacked')\n" + SUMMARY
    lab.commit(prepare__py="honest")
    assert execute(lab.job(dirty), backend).outcome == "ok"
    look = "import os; print(sorted(os.listdir()), open('prepare.py').read())\n" + SUMMARY
    job = lab.job(look)
    assert execute(job, backend).outcome == "ok"
    assert job.log.read_text().startswith("['prepare.py', 'train.py'] honest\n")


def test_the_environment_is_clean(lab: Lab, backend: Backend, monkeypatch) -> None:
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "NVIDIA_API_KEY", "GIT_DIR", "FOO"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("AUTORESEARCH_PROFILE", "cpu")
    job = lab.job("import os; print('ENV', *sorted(os.environ.items()))\n" + SUMMARY)
    assert execute(job, backend).outcome == "ok"
    said = job.log.read_text()
    assert "secret" not in said
    assert "'AUTORESEARCH_PROFILE', 'cpu'" in said


def test_python_is_our_python(lab: Lab, backend: Backend) -> None:
    job = lab.job("import sys, msgspec; print(sys.executable)\n" + SUMMARY)
    assert execute(job, backend).outcome == "ok"
    ours = Path(job.log.read_text().splitlines()[0])
    assert ours.parent == Path(sys.executable).parent


def test_python_exists_where_only_python3_does(lab: Lab, tmp_path: Path, monkeypatch) -> None:
    only = tmp_path / "only"
    only.mkdir()
    (only / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (only / "python3").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(only / "python3"))
    job = lab.job(SUMMARY)
    monkeypatch.setenv("PATH", "/nowhere")
    run = execute(job, BACKENDS["local"](lab.options(sandbox=False)))
    assert run.outcome == "ok", run.detail


def test_a_slow_run_is_called_contended(lab: Lab, backend: Backend) -> None:
    script = (
        "print('50% | loss: 1 | tok/sec: 97', flush=True)\nimport time; time.sleep(0.3)\n" + SUMMARY
    )
    run = execute(lab.job(script, usual=100.0), backend)
    assert run.checks["contended"] == "3.0% fewer tokens a second than usual"
    assert "contended" not in execute(lab.job(script, usual=98.0), backend).checks


def test_the_shell_is_used_where_it_is_needed(lab: Lab, backend: Backend) -> None:
    job = lab.job(SUMMARY, command="SHOWN=yes python train.py && echo num_steps: 4 >/dev/null")
    assert execute(job, backend).value == 1.25


def test_a_command_that_does_not_exist_is_the_harness(lab: Lab, backend: Backend) -> None:
    run = execute(lab.job(SUMMARY, command="nosuchprogram train.py"), backend)
    assert run.outcome == "harness"


def test_a_commit_that_does_not_exist_is_the_harness(lab: Lab, backend: Backend) -> None:
    run = execute(lab.job(SUMMARY, commit="0" * 40), backend)
    assert (run.outcome, run.exit) == ("harness", None)
    assert execute(lab.job(SUMMARY), backend).outcome == "ok"  # the slot is free again


def test_ctrl_c_once_ends_cleanly_and_is_recorded(lab: Lab, backend: Backend) -> None:
    script = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(3)))\n"
        "print('ready', flush=True)\ntime.sleep(30)\n"
    )
    job = lab.job(script, grace=10.0)

    def interrupt(update: Update) -> None:
        if "ready" in update.line:
            os.kill(os.getpid(), signal.SIGINT)

    run = execute(job, backend, interrupt)
    assert (run.outcome, run.checks["interrupted"]) == ("killed", True)
    assert "saved" in job.log.read_text()
    assert run.seconds < 5


def test_ctrl_c_twice_kills(lab: Lab, backend: Backend) -> None:
    script = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for i in range(300): print('ready', i, flush=True); time.sleep(0.1)\n"
    )
    job = lab.job(script, grace=60.0)
    hits = []

    def interrupt(update: Update) -> None:
        if "ready" in update.line and len(hits) < 2:
            hits.append(1)
            os.kill(os.getpid(), signal.SIGINT)

    run = execute(job, backend, interrupt)
    assert run.outcome == "killed"
    assert run.seconds < 10
    assert pids_of(job.run) == []


def test_early_stop_is_its_own_outcome(lab: Lab, backend: Backend) -> None:
    job = lab.job("import time\nprint('x', flush=True)\ntime.sleep(30)\n")
    handle = backend.submit(job)
    threading.Timer(0.3, backend.cancel, (handle, "stopped")).start()
    finished = backend.result(handle)
    assert finished.ended == "stopped"


def test_a_run_of_another_process_can_be_watched_and_ended(lab: Lab, backend: Backend) -> None:
    script = (
        "import time\nfor i in range(300): print(f'{i}% loss: 1', flush=True); time.sleep(.1)\n"
    )
    job = lab.job(script)
    handle = backend.submit(job)
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.append(backend.result(handle)))
    thread.start()
    other = BACKENDS["local"](lab.options(sandbox=False))  # knows nothing but the slots' files
    time.sleep(1.5)
    found = other.attach(job.run)
    assert found == handle
    assert next(iter(other.stream(found))).loss == 1
    other.cancel(found)
    thread.join(10)
    assert done[0].ended == "killed"  # type: ignore[attr-defined]
    assert other.attach(job.run) is None


@pytest.mark.skipif(bool(sandbox.trouble()), reason=sandbox.trouble() or "works")
def test_the_sandbox_holds(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "home/.ssh"
    secret.mkdir()
    (secret / "id").write_text("secret")
    script = (
        "import os, socket, pathlib, tempfile\n"
        f"for place in ({str(lab.repo / 'x')!r}, os.path.expanduser('~/x'), '/etc/x'):\n"
        "    try: open(place, 'w'); print('wrote')\n"
        "    except OSError as error: print('refused')\n"
        "ssh = os.path.expanduser('~/.ssh')\n"
        "print('ssh', os.listdir(ssh) if os.path.isdir(ssh) else [])\n"
        "try: socket.create_connection(('1.1.1.1', 53), 2); print('online')\n"
        "except OSError: print('offline')\n"
        "print('pids', len([p for p in os.listdir('/proc') if p.isdigit()]) < 5)\n"
        "open('here', 'w'); tempfile.TemporaryFile(); open('/tmp/t', 'w')\n"
    ) + SUMMARY
    job = lab.job(script)
    backend = BACKENDS["local"](lab.options(sandbox=True))
    run = execute(job, backend)
    said = job.log.read_text()
    assert run.outcome == "ok", said
    # Below /tmp, where these tests live, it writes into its private one.
    assert said.splitlines()[2:6] == ["refused", "ssh []", "offline", "pids True"]
    assert not (lab.repo / "x").exists()
    assert not (tmp_path / "home/x").exists()
    assert run.checks["sandbox"] is True


@pytest.mark.parametrize("command", ["", 'python "train.py'])
def test_a_command_that_makes_no_sense_is_the_harness(lab: Lab, command: str) -> None:
    run = execute(lab.job(SUMMARY, command=command), BACKENDS["local"](lab.options()))
    assert (run.outcome, run.exit) == ("harness", None)
    assert "command" in run.detail


def test_a_broken_display_does_not_leave_the_run_behind(lab: Lab, backend: Backend) -> None:
    job = lab.job("import time\nprint('x', flush=True)\ntime.sleep(60)\n")

    def broken(update: Update) -> None:
        raise RuntimeError("display")

    with pytest.raises(RuntimeError):
        execute(job, backend, broken)
    assert pids_of(job.run) == []
    assert execute(lab.job(SUMMARY), backend).outcome == "ok"


def test_a_run_whose_process_died_is_not_in_flight(lab: Lab, backend: Backend) -> None:
    """Its supervisor still holds the slot while it ends the run, but nobody will record it."""
    job = lab.job("import signal, time\nsignal.signal(15, signal.SIG_IGN)\ntime.sleep(60)\n")
    root = Path(__file__).parents[2]
    code = (
        "import pickle, sys\n"
        "from autoresearch_git.backends import BACKENDS\n"
        "job, options = pickle.load(sys.stdin.buffer)\n"
        "backend = BACKENDS['local'](options); backend.submit(job)\n"
        "print('started', flush=True); sys.stdin.read(); input()\n"
    )
    options = backend.options  # type: ignore[attr-defined]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(pickle.dumps((job, options)))
        other.stdin.flush()
        assert other.stdout.readline() == b"started\n"
        assert backend.attach(job.run)
        other.kill()
        other.wait()
        assert backend.attach(job.run) is None
    assert execute(lab.job(SUMMARY), backend).outcome == "ok"  # waits until the slot is free
    assert pids_of(job.run) == []


@pytest.mark.skipif(bool(sandbox.trouble()), reason=sandbox.trouble() or "works")
def test_prepared_data_cannot_be_altered(lab: Lab, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "cpu-1234").mkdir(parents=True)
    (cache / "cpu-1234/val.u16").write_text("honest")
    script = (
        "import os\n"
        f"root = {str(cache)!r}\n"
        "try: open(root + '/cpu-1234/val.u16', 'w').write('hacked')\n"
        "except OSError: print('refused')\n"
        "os.makedirs(root + '/inductor'); open(root + '/inductor/kernel', 'w').write('k')\n"
        "print(open(root + '/cpu-1234/val.u16').read())\n"
    ) + SUMMARY
    job = lab.job(script)
    run = execute(job, BACKENDS["local"](lab.options(sandbox=True, cache=cache)))
    assert run.outcome == "ok", job.log.read_text()
    assert job.log.read_text().splitlines()[:2] == ["refused", "honest"]
    assert (cache / "inductor/kernel").read_text() == "k"


def test_contention_may_be_ignored(lab: Lab) -> None:
    script = "print('50% | loss: 1 | tok/sec: 50', flush=True)\nimport time; time.sleep(0.3)\n"
    options = lab.options(sandbox=False, extra={"contention": "ignore"})
    run = execute(lab.job(script + SUMMARY, usual=100.0), BACKENDS["local"](options))
    assert run.value == 1.25
    assert not {"contended", "other_cores"} & set(run.checks)
