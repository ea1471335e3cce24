"""The corpus of hostile and broken logs: no wrong acceptance, no exception, each one named."""

from __future__ import annotations

import pytest

from autoresearch_git.records import OUTCOMES, VERDICTS
from autoresearch_git.review.judge import judge
from tests.review import lab

CASES = lab.cases()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case):
    _, run, audit, base = lab.measured(case)
    made = lab.experiment("e" * 40, run)
    review = judge(made, lab.TUNED, lab.history(base))
    said = " ".join([review.reason, review.signature, run.detail, *audit.violations])
    assert run.outcome == case["outcome"]
    assert run.outcome in OUTCOMES
    assert review.verdict == case["verdict"]
    assert review.verdict in VERDICTS
    assert case.get("says", "") in said
    if review.verdict.startswith("keep"):
        assert review.value == case["value"]
    else:
        assert "value" not in case


def test_the_corpus_is_whole():
    names = [case["name"] for case in CASES]
    files = {path.stem for path in lab.LOGS.glob("*.log")}
    assert set(names) == files
    assert len(names) == len(files) >= 40
    assert all(case["why"] for case in CASES)
