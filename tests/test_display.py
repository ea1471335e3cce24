"""What is said of a run in flight."""

from __future__ import annotations

from autoresearch_git.backends.local import update
from autoresearch_git.display import facts_of

LINE = (
    "step 00417 (43.2%) | loss: 3.409800 | lrm: 1.00 | dt: 320ms | tok/sec: 1,617,600"
    " | mfu: 39.0% | epoch: 1 | remaining: 33s    "
)


def test_a_line_of_our_benchmark_is_read_and_said() -> None:
    assert facts_of(update("r", 1.0, LINE)) == "loss 3.4098  1,617.6k tok/s  MFU 39%  33 s left"
