"""Reading logs: strict numbers, any chunking, constant memory, never an exception."""

from __future__ import annotations

import io
import math
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_git.review import log
from autoresearch_git.review.log import read_log
from autoresearch_git.review.progress import progress
from tests.review import lab

HONEST = (lab.LOGS / "honest.log").read_bytes()
SUMMARY = HONEST[HONEST.index(b"---") :]


class Repeat:
    """A stream of `times` copies of a block and an end, without holding them."""

    def __init__(self, block: bytes, times: int, end: bytes = b"") -> None:
        self.block = block * max(1, (1 << 20) // len(block))
        self.left = times * len(block)
        self.end = end
        self.size = self.left + len(end)

    def read(self, size: int) -> bytes:
        if self.left > 0:
            part = self.block[: min(size, self.left)]
            self.left -= len(part)
            return part
        part, self.end = self.end[:size], self.end[size:]
        return part


def test_the_summary_of_an_honest_log():
    summary = lab.text(HONEST)
    assert summary.value == 0.9979
    assert summary.trouble == ""
    assert set(summary.metrics) == set(lab.METRICS)
    assert summary.metrics["peak_vram_mb"] == 45060.2
    assert len(summary.curve) == 13
    assert summary.curve[-1] == (1.0, 3.2)
    assert summary.last.speed == 1670123
    assert summary.tail.endswith("depth: 8")
    assert summary.size == len(HONEST)


def test_a_long_log_gives_about_32_points():
    lines = b"".join(
        b"\rstep %d (%.1f%%) loss: %.3f" % (i, i / 10, 9 - i / 200) for i in range(1000)
    )
    curve = lab.text(lines + b"\n" + SUMMARY).curve
    assert len(curve) == 32
    assert [share for share, _ in curve] == sorted(share for share, _ in curve)


@pytest.mark.parametrize(
    ("end", "value"),
    [
        (b"val_bpb: 1.23\n", 1.23),
        (b"epoch 3 done\nloss: 0.5\nval_bpb = 1.23\n\n", 1.23),
        (b"val_bpb: 1.23\ndone\n", None),
        (b"val_bpb: 1.23\nval_bpb: 1.23\n", None),
        (b"val_bpb: 1.23", None),
        (b"accuracy: 0.9\n", None),
        (b'  File "x.py", line 3, in f\n    raise X\nval_bpb: 0.1\n', None),
    ],
)
def test_a_plain_command_that_prints_only_its_metric(end, value):
    assert lab.text(b"starting\n" + end).value == value


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_bytes_of_any_kind_before_the_summary_change_nothing(junk, size):
    data = junk + b"\n" + SUMMARY

    class Drip(io.BytesIO):
        def read(self, _=-1):
            return super().read(size)

    assert read_log(Drip(data), "val_bpb").value == 0.9979
    assert lab.text(data).value == 0.9979


@given(st.binary(min_size=1, max_size=200))
@settings(max_examples=300, deadline=None)
def test_what_follows_the_summary_never_changes_the_value(tail):
    summary = lab.text(HONEST + tail)
    assert summary.value in (0.9979, None)
    assert (summary.value is None) == bool(summary.trouble)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_value_is_a_plain_finite_decimal_or_nothing(text):
    summary = lab.text(b"---\nval_bpb: " + text.encode("utf-8", "replace") + b"\n")
    if summary.value is not None:
        assert math.isfinite(summary.value)
        assert float(text) == summary.value
    else:
        assert summary.trouble


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_is_read_exactly(value):
    assert lab.text(b"---\nval_bpb: %s\n" % repr(value).encode()).value == value


LARGE = {
    "short lines": b"a\n",
    "one line": b"x",
    "carriage returns": b"\rstep 00012 (12.3%) | loss: 3.2 | tok/sec: 1,234,567",
    "percent signs": b"%",
    "rules": b"---\n",
    "values": b"val_bpb: 1\n",
}


@pytest.mark.parametrize("name", LARGE)
def test_large_logs_in_constant_memory(name):
    check_large(LARGE[name], 24 << 20)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("short lines", 2 << 30), ("one line", 200 << 20)])
def test_giant_logs(name, size):
    check_large(LARGE[name], size)


def check_large(block: bytes, size: int) -> None:
    tracemalloc.start()
    stream = Repeat(block, size // len(block), b"\n" + SUMMARY)
    summary = read_log(stream, "val_bpb")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert summary.value == 0.9979
    assert summary.size == stream.size
    assert peak < 50 << 20


def test_reading_is_not_much_slower_than_looking_at_every_byte():
    """A ratio, as machines differ: the reader against one pass of bytes.count, best of three."""
    data = (b"x" * 99 + b"\n") * (1 << 18)

    def best(action) -> float:
        times = []
        for _ in range(3):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
        return min(times)

    plain = best(lambda: data.count(b"\n"))
    assert best(lambda: lab.text(data)) < 60 * plain + 0.05


def test_a_value_in_the_middle_of_two_chunks(monkeypatch):
    for chunk in (1, 7, 64, 1000):
        monkeypatch.setattr(log, "CHUNK", chunk)
        assert lab.text(HONEST).value == 0.9979
        assert lab.text(b"val_bpb: 1\n" * 3 + HONEST).mentions == 4


def test_the_tail_is_clean_and_short():
    noisy = b"\x1b[31mred\x1b[0m \x00\xff" + b"y" * 5000 + b"\r\rlast version\n"
    tail = lab.text(noisy * 20).tail
    assert len(tail) <= 4096
    assert all(line == "last version" for line in tail.splitlines())


@pytest.mark.parametrize(
    ("line", "share", "loss", "speed", "mfu", "left"),
    [
        (HONEST.split(b"\r")[3], 2 / 12, None, 1670123, 0.398, 250),
        (b"iter 30/120: train loss 2.5, 12.5k tok/s", 0.25, 2.5, 12500, None, None),
        (b"45%|####   | loss=1.25e-1 eta: 3m", 0.45, 0.125, None, None, 180),
        (b"mfu: 40% loss: nan", None, math.nan, None, 0.4, None),
        (b"50% done, accuracy 93% loss: 1_0", 0.5, None, None, None, None),
    ],
)
def test_progress_lines(line, share, loss, speed, mfu, left):
    seen = progress(line)
    assert seen.share == pytest.approx(share, abs=1e-3)
    if loss is not None:
        assert seen.loss == pytest.approx(loss, nan_ok=True)
    assert (seen.speed, seen.mfu, seen.left) == (speed, pytest.approx(mfu), left)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_progress_takes_any_line(line):
    seen = progress(line)
    assert seen is None or seen.share is None or 0 <= seen.share <= 1
