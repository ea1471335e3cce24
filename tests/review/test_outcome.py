"""Outcomes and signatures: one cause, one signature; two bugs, two."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoresearch_git.clean import UNSAFE
from autoresearch_git.records import OUTCOMES
from autoresearch_git.review.outcome import judge_run
from autoresearch_git.review.signature import normalize, signature
from tests.review import lab

TRACE = """Traceback (most recent call last):
  File "{root}/train.py", line {line}, in <module>
    main()
  File "{root}/train.py", line {inner}, in {name}
    {code}
  File "/usr/lib/python3.11/site-packages/torch/nn/functional.py", line {line}, in linear
    return torch._C._nn.linear(input, weight, bias)
{said}
"""


def trace(
    rng: random.Random, name="forward", code="x = self.mlp(x)", said="ValueError: bad"
) -> bytes:
    fields = {
        "root": f"/tmp/checkout-{rng.getrandbits(40):x}",
        "line": rng.randrange(1, 900),
        "inner": rng.randrange(1, 900),
        "name": name,
        "code": code,
        "said": said,
    }
    return TRACE.format(**fields).encode()


def crash(log: bytes) -> tuple[str, str, str]:
    return judge_run(lab.text(log), 1, False, False, "", ("train.py",))


def test_sixty_nan_runs_of_one_cause_make_one_signature():
    found = set()
    for seed in range(60):
        rng = random.Random(seed)
        step, loss = rng.randrange(900), rng.choice(["nan", "inf", "103.5", "nan"])
        log = b"\rstep %d (%.1f%%) | loss: %s | tok/sec: %d\nFAIL\n" % (
            step, step / 9, loss.encode(), rng.randrange(10**6),
        )  # fmt: skip
        outcome, name, _ = crash(log)
        assert outcome == "nan"
        found.add(name)
    assert len(found) == 1


def test_sixty_crashes_of_one_bug_make_one_signature():
    said = (
        "RuntimeError: shape '[{}, {}]' is invalid for input of size {} at 0x{:x} in /tmp/{}/x.py"
    )
    found = set()
    for seed in range(60):
        rng = random.Random(seed)
        numbers = [rng.randrange(1, 9999) for _ in range(3)]
        message = said.format(*numbers, rng.getrandbits(48), rng.randrange(99))
        found.add(crash(trace(rng, said=message))[:2])
    assert len(found) == 1
    assert found.pop()[1].startswith("RuntimeError @ train.py:forward")


@pytest.mark.parametrize(
    "other",
    [
        {"said": "ValueError: worse"},
        {"said": "TypeError: bad"},
        {"name": "backward"},
        {"code": "x = self.attn(x)"},
    ],
)
def test_two_bugs_make_two_signatures(other):
    rng = random.Random(1)
    assert crash(trace(rng))[1] != crash(trace(rng, **other))[1]


def test_the_frame_is_the_target_s_not_the_library_s():
    found = signature(trace(random.Random(2)).decode(), ("train.py",))
    assert found == 'ValueError @ train.py:forward "x = self.mlp(x)": bad'


def test_a_chained_exception_is_named_by_the_last_one():
    first, second = trace(random.Random(3)), trace(random.Random(4), said="KeyError: 'lr'")
    log = (
        first
        + b"\nDuring handling of the above exception, another exception occurred:\n\n"
        + second
    )
    assert crash(log)[1].startswith("KeyError @ train.py")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3 GiB", "oom"),
        ("MemoryError", "oom"),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried 9 bytes", "oom"),
        ("AssertionError: loss is nan", "nan"),
        ("OSError: [Errno 28] No space left on device", "harness"),
        ("RuntimeError: Found no NVIDIA driver on your system.", "harness"),
        ("ConnectionError: Temporary failure in name resolution", "harness"),
        ("ModuleNotFoundError: No module named 'flash_attn'", "crash"),
    ],
)
def test_kinds_of_failure(said, outcome):
    assert crash(trace(random.Random(5), said=said))[0] == outcome


@pytest.mark.parametrize(
    ("exit", "outcome", "says"),
    [(139, "crash", "SIGSEGV"), (-6, "crash", "SIGABRT"), (137, "killed", "SIGKILL"),
     (3, "crash", "exit 3"), (127, "harness", "127")],
)  # fmt: skip
def test_exit_statuses_without_a_traceback(exit, outcome, says):
    found = judge_run(lab.text(b"working\n"), exit, False, False, "")
    assert found[0] == outcome
    assert says in " ".join(found)


def test_what_the_runner_knows_comes_first():
    summary = lab.read("honest")
    assert judge_run(summary, 0, False, False, "disk full")[0] == "harness"
    assert judge_run(summary, 0, True, True, "")[0] == "timeout"
    assert judge_run(summary, 0, False, True, "")[0] == "killed"
    assert judge_run(summary, None, False, False, "")[0] == "killed"
    assert judge_run(summary, 0, False, False, "") == ("ok", "", "")


@given(st.binary(max_size=500), st.one_of(st.none(), st.integers(-40, 300)))
@settings(max_examples=300, deadline=None)
def test_any_log_and_any_exit_has_an_outcome(log, exit):
    outcome, name, detail = judge_run(lab.text(log), exit, False, False, "")
    assert outcome in OUTCOMES
    assert (outcome == "ok") <= (exit == 0)
    assert len(name) <= 260
    assert not any(UNSAFE.search(text) for text in (name, detail))


@given(st.text(max_size=300))
@example("0/0")
@example("abcdef1/x")
def test_normalizing_twice_is_normalizing_once(text):
    assert normalize(normalize(text)) == normalize(text)
