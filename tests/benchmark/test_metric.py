"""Bits per byte, against a count by hand."""

from __future__ import annotations

import json
import math
import os
import sys
from itertools import pairwise
from pathlib import Path

import prepare
import pytest
import torch

from tests.benchmark.conftest import TEXTS, write_shard


def surprise(x: torch.Tensor, y: torch.Tensor, reduction: str) -> torch.Tensor:
    """A stand-in for a model: losses that differ from target to target."""
    assert reduction == "none"
    return (0.5 + (x * 7 + y * 3) % 11 / 3).flatten().float()


@pytest.fixture
def tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> prepare.Tokenizer:
    folder = tmp_path / "tiny"
    write_shard(folder / "a.parquet", TEXTS * 20)
    write_shard(folder / "b.parquet", [*TEXTS, *TEXTS])
    monkeypatch.setattr(prepare, "MAX_SEQ_LEN", 40)
    monkeypatch.setattr(prepare, "EVAL_TOKENS", 10**6)
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 300)
    prepare.prepare(str(folder), quiet=True)
    return prepare.Tokenizer.from_directory()


def by_hand(
    tokenizer: prepare.Tokenizer, limit: int = 10**6, split: str = "val"
) -> tuple[float, int, int]:
    """(bits per byte, rows, bytes), token by token in Python."""
    tokens, starts = prepare.open_split(split)
    packer = prepare.Packer(starts, 41, repeat=False)
    nats, size, rows = 0.0, 0, 0
    while rows < limit and (row := packer.row()) is not None:
        rows += 1
        line = [int(t) for a, b in row for t in tokens[a:b]]
        for before, target in pairwise(line):
            if target >= tokenizer.bos:
                continue
            nats += 0.5 + (before * 7 + target * 3) % 11 / 3
            size += len(tokenizer.encoding.decode_single_token_bytes(target))
    return nats / math.log(2) / size, rows, size


def heard(
    tokenizer: prepare.Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> tuple[float, dict[str, object]]:
    """(bits per byte as returned, the report that a runner gets) of one evaluation."""
    reader, writer = os.pipe()
    monkeypatch.setenv("AUTORESEARCH_REPORT_FD", str(writer))
    bpb = prepare.evaluate_bpb(surprise, tokenizer, 4)
    os.close(writer)
    with open(reader) as pipe:
        return bpb, json.loads(pipe.read())


@pytest.mark.parametrize("batch", [1, 2, 5, 64])
def test_it_agrees_with_a_count_by_hand(tokenizer: prepare.Tokenizer, batch: int) -> None:
    expected, rows, _ = by_hand(tokenizer)
    assert rows > 5
    assert prepare.evaluate_bpb(surprise, tokenizer, batch) == pytest.approx(expected, rel=1e-6)


def test_it_stops_at_the_number_of_tokens(
    tokenizer: prepare.Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "EVAL_TOKENS", 3 * 40)
    expected, rows, _ = by_hand(tokenizer, 3)
    assert rows == 3
    assert prepare.evaluate_bpb(surprise, tokenizer, 2) == pytest.approx(expected, rel=1e-6)


def test_the_runner_hears_the_number(
    tokenizer: prepare.Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bpb, report = heard(tokenizer, monkeypatch)
    _, rows, size = by_hand(tokenizer)
    assert report.pop("seconds") >= 0
    assert report == {"metric": "val_bpb", "value": bpb, "tokens": rows * 40, "bytes": size}


def test_only_the_runner_hears_of_the_hold_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "tiny"
    for name, texts in (("a", TEXTS * 20), ("b", TEXTS[:2] * 9), ("c", TEXTS * 2)):
        write_shard(folder / f"{name}.parquet", texts)
    monkeypatch.setattr(prepare, "MAX_SEQ_LEN", 40)
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 300)
    monkeypatch.setattr(sys, "argv", ["prepare.py", "--source", str(folder), "--holdout"])
    prepare.main()
    tokenizer = prepare.Tokenizer.from_directory()
    documents = [prepare.open_split(split)[1].size - 1 for split in ("train", "holdout", "val")]
    assert documents == [20 * len(TEXTS), 18, 2 * len(TEXTS)]
    capfd.readouterr()

    bpb, report = heard(tokenizer, monkeypatch)
    assert report["value"] == bpb == pytest.approx(by_hand(tokenizer)[0], rel=1e-6)
    assert report["holdout"] == pytest.approx(by_hand(tokenizer, split="holdout")[0], rel=1e-6)
    assert report["holdout"] != report["value"]
    assert capfd.readouterr() == ("", "")


def test_a_hold_out_needs_three_shards(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_shard(tmp_path / f"{name}.parquet", TEXTS * 20)
    with pytest.raises(SystemExit, match="a hold-out needs three shards"):
        prepare.prepare(str(tmp_path), quiet=True, holdout=True)


@pytest.mark.parametrize("descriptor", ["", "none", "987"])
def test_nobody_has_to_listen(
    tokenizer: prepare.Tokenizer, monkeypatch: pytest.MonkeyPatch, descriptor: str
) -> None:
    monkeypatch.setenv("AUTORESEARCH_REPORT_FD", descriptor)
    assert prepare.evaluate_bpb(surprise, tokenizer, 4) > 0


def test_too_little_text(tokenizer: prepare.Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "MAX_SEQ_LEN", 100_000)
    with pytest.raises(SystemExit, match="shorter than one row"):
        prepare.evaluate_bpb(surprise, tokenizer, 4)
