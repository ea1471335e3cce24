"""`git ar loop`: what comes first, and what is judged when."""

from __future__ import annotations

from tests.support import TRAIN, Sandbox

# The untouched files take the longest.
SLOW = TRAIN.replace(
    "def main():\n", "import time\n\n\ndef main():\n    time.sleep(WIDTH == 256)\n"
)


def test_ideas_wait_for_a_slower_baseline_with_their_verdict(sandbox: Sandbox) -> None:
    sandbox.commit(train__py=SLOW)
    sandbox.ok("init", "--metric", "val_bpb", "--branch", "demo")
    ideas = [sandbox.records("propose", "--set", f"WIDTH={w}")[0] for w in (512, 1024)]
    sandbox.ok("loop", "--runs", "3", "--jobs", "3")
    found = {each["commit"]: each for each in sandbox.records("log")}
    assert len(found) == 3
    assert all(each["decision"] for each in found.values())
    assert found[ideas[0]["commit"]]["review"]["delta"] < 0
    (baseline,) = [each for each in found.values() if each["plan"]["emitter"] == "baseline"]
    assert baseline["decision"]["verdict"] == "keep"


def test_the_baseline_is_run_before_ideas_that_were_there_first(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("propose", "--set", "WIDTH=512")
    sandbox.ok("loop", "--runs", "2")
    first, second = sandbox.records("log")
    assert (first["plan"]["emitter"], second["plan"]["emitter"]) == ("person", "baseline")
    assert first["runs"][0]["run"] != second["runs"][0]["run"]
    assert first["review"]["delta"] < 0
