"""Commands that will not die, will not stop printing, or write where they must not."""

from __future__ import annotations

import os
import time

import pytest

from autoresearch_git.backends import BACKENDS
from autoresearch_git.backends.base import Backend
from autoresearch_git.backends.execute import execute
from tests.backends.lab import SUMMARY, Lab, pids_of

DAEMON = (  # forks twice, leaves its session and its process group, closes its output, sleeps
    "import os, signal, sys, time\n"
    "def daemon():\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "            for fd in range(3): os.close(fd)\n"
    "            time.sleep(60)\n"
    "        os._exit(0)\n"
    "    os.wait()\n"
)


def test_it_ignores_term(lab: Lab, backend: Backend) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)\n"
    job = lab.job(script, timeout=0.5, grace=0.3)
    run = execute(job, backend)
    assert (run.outcome, run.exit) == ("timeout", 137)
    assert 0.7 <= run.seconds < 5
    assert pids_of(job.run) == []


def test_it_forks_away(lab: Lab, backend: Backend) -> None:
    job = lab.job(DAEMON + "daemon()\ntime.sleep(60)\n", timeout=1.0, grace=0.3)
    run = execute(job, backend)
    assert run.outcome == "timeout"
    assert pids_of(job.run) == []


def test_it_leaves_a_daemon_behind(lab: Lab, backend: Backend) -> None:
    job = lab.job(DAEMON + "daemon()\n" + SUMMARY)
    run = execute(job, backend)
    assert (run.outcome, run.value) == ("ok", 1.25)  # it ended well
    if not run.checks["sandbox"]:  # a sandbox takes all with it, and names nobody
        assert run.checks["leftover"] == ["python"]
    assert pids_of(job.run) == []


def test_it_closes_its_output_and_goes_on(lab: Lab, backend: Backend) -> None:
    script = "import os, time\nos.close(1); os.close(2)\ntime.sleep(1.0)\nos._exit(0)\n"
    run = execute(lab.job(script), backend)
    assert run.outcome == "no-metric"
    assert run.seconds >= 1.0


def test_it_prints_without_end(lab: Lab, backend: Backend) -> None:
    script = (
        "import sys\nprint('first line')\n"
        "for i in range(64): sys.stdout.write('x' * (1 << 20) + '\\n')\n" + SUMMARY
    )
    job = lab.job(script)
    run = execute(job, backend)
    assert (run.outcome, run.value) == ("ok", 1.25)
    assert run.checks["log_left_out"] > 50 << 20
    assert job.log.stat().st_size < 10 << 20
    text = job.log.read_text()
    assert text.startswith("first line\n")
    assert f"[git ar: {run.checks['log_left_out']} bytes of output left out here]" in text
    assert len(list(job.log.parent.iterdir())) == 1


def test_it_fills_the_disk(lab: Lab, backend: Backend) -> None:
    script = (
        "import time\n"
        "with open('big', 'wb') as f:\n"
        "    while True: f.write(bytes(1 << 20)); f.flush(); time.sleep(0.01)\n"
    )
    job = lab.job(script, disk=30 << 20)
    run = execute(job, backend)
    assert run.outcome == "killed"
    assert "more than 30 MiB" in run.detail
    assert not (lab.private / "slots/0/tree").exists()


def test_it_deletes_its_own_checkout(lab: Lab, backend: Backend) -> None:
    script = (
        "import os, shutil\n"
        "for n in os.listdir(): shutil.rmtree(n) if os.path.isdir(n) else os.unlink(n)\n"
        "shutil.rmtree(os.getcwd(), ignore_errors=True)\n" + SUMMARY
    )
    lab.commit(prepare__py="1")
    assert execute(lab.job(script), backend).value == 1.25
    again = execute(lab.job("import prepare\n" + SUMMARY), backend)
    assert again.value == 1.25


@pytest.mark.parametrize("victim", ["train.py", ".git/config"])
def test_it_writes_to_the_users_repository(lab: Lab, backend: Backend, victim: str) -> None:
    path = lab.repo / victim
    script = f"try: open({str(path)!r}, 'a').write('# hacked')\nexcept OSError: pass\n" + SUMMARY
    job = lab.job(script)
    before = path.read_bytes()
    run = execute(job, backend)
    if run.checks["sandbox"]:
        assert path.read_bytes() == before
        assert "repository" not in run.checks
    else:
        assert run.checks["repository"] == [victim]


@pytest.mark.parametrize("act", ["open(p, 'a').write('#')", "os.unlink(p); os.mkfifo(p)", "pass"])
def test_it_changes_a_protected_file(lab: Lab, backend: Backend, act: str) -> None:
    lab.commit(prepare__py="1")
    script = f"import os\np = 'prepare.py'\ntry: {act}\nexcept OSError: pass\n" + SUMMARY
    told = {"prepare.py": lab.git("rev-parse", "HEAD:prepare.py")}
    run = execute(lab.job(script, protected=told), backend)
    assert run.checks["protected"] == told
    assert (run.checks["found"] == told) is (act == "pass")


def test_its_supervisor_is_killed(lab: Lab, backend: Backend) -> None:
    job = lab.job(DAEMON + "daemon()\nprint('ready', flush=True)\ntime.sleep(60)\n")
    handle = backend.submit(job)
    next(iter(backend.stream(handle)))
    os.kill(backend.flights[job.run].process.pid, 9)  # type: ignore[attr-defined]
    finished = backend.result(handle)
    assert (finished.ended, finished.error) == ("killed", "its supervisor was killed")
    assert pids_of(job.run) == []
    assert execute(lab.job(SUMMARY), backend).outcome == "ok"


def test_it_kills_its_parent(lab: Lab) -> None:
    backend = BACKENDS["local"](lab.options(sandbox=False))
    job = lab.job("import os, time\nos.kill(os.getppid(), 9)\ntime.sleep(60)\n")
    run = execute(job, backend)
    assert run.outcome == "killed"
    assert pids_of(job.run) == []


def test_it_lies_on_the_private_channel(lab: Lab, backend: Backend) -> None:
    script = (
        "import os\nfd = int(os.environ['AUTORESEARCH_REPORT_FD'])\n"
        "os.write(fd, b'not json\\n' * 3)\n" + SUMMARY
    )
    run = execute(lab.job(script), backend)
    assert run.checks["report"] == {"unreadable": "not json"}
    assert run.checks["reports"] == 3


def test_a_fork_bomb_ends(lab: Lab, backend: Backend) -> None:
    script = (
        "import os, time\n"
        "for i in range(5): os.fork()\n"
        "os.setsid() if os.getpid() != os.getpgrp() else None\n"
        "time.sleep(60)\n"
    )
    job = lab.job(script, timeout=1.0, grace=0.2)
    began = time.monotonic()
    assert execute(job, backend).outcome == "timeout"
    assert time.monotonic() - began < 8
    assert pids_of(job.run) == []
