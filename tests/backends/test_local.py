"""Runs on this machine, on commands that behave."""

from __future__ import annotations

import pytest
from conftest import SUMMARY, Lab

from autoresearch_git.backends import BACKENDS, sandbox
from autoresearch_git.backends.base import Update
from autoresearch_git.backends.execute import execute

SANDBOXES = [
    pytest.param(False, id="bare"),
    pytest.param(
        True,
        id="sandboxed",
        marks=pytest.mark.skipif(bool(sandbox.trouble()), reason=sandbox.trouble() or "works"),
    ),
]


@pytest.fixture(params=SANDBOXES)
def backend(request, lab: Lab):
    return BACKENDS["local"](lab.options(sandbox=request.param))


def test_a_run_becomes_its_record(lab: Lab, backend) -> None:
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
    assert backend.attach(job.run) is None
