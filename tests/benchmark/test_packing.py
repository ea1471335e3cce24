"""Best-fit packing: the contract's rule, against the rule written down naively."""

from __future__ import annotations

import measure_gpu
import numpy as np
import prepare
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def naive_rows(
    lengths: list[int], capacity: int, rows: int, repeat: bool
) -> list[list[tuple[int, int]]]:
    """Rows as lists of (document, tokens taken), by scanning the buffer for every choice."""
    arrivals = iter(range(rows * capacity + 10_000) if repeat else range(len(lengths)))
    buffer: list[int] = []
    result = []
    for _ in range(rows):
        row, left = [], capacity
        while left:
            while len(buffer) < prepare.BUFFER_DOCUMENTS:
                batch = [a % len(lengths) for _, a in zip(range(128), arrivals, strict=False)]
                if not batch:
                    break
                buffer += batch
            if not buffer:
                return result
            fits = [d for d in buffer if lengths[d] <= left]
            wanted = max(lengths[d] for d in fits) if fits else min(lengths[d] for d in buffer)
            place = next(i for i, d in enumerate(buffer) if lengths[d] == wanted)
            document = buffer.pop(place)
            row.append((document, min(wanted, left)))
            left -= min(wanted, left)
        result.append(row)
    return result


def packed_rows(
    lengths: list[int], capacity: int, rows: int, repeat: bool
) -> tuple[list[list[tuple[int, int]]], prepare.Packer]:
    starts = np.cumsum([0, *lengths])
    packer = prepare.Packer(starts, capacity, repeat)
    result = []
    while len(result) < rows and (row := packer.row()) is not None:
        places = [(int(np.searchsorted(starts, a, side="right")) - 1, b - a) for a, b in row]
        result.append(places)
    return result, packer


@settings(max_examples=150, deadline=None)
@given(lengths=LENGTHS, capacity=st.integers(1, 50), repeat=st.booleans())
def test_it_chooses_as_the_rule_says(lengths: list[int], capacity: int, repeat: bool) -> None:
    rows, _ = packed_rows(lengths, capacity, 12, repeat)
    assert rows == naive_rows(lengths, capacity, 12, repeat)


@settings(max_examples=50, deadline=None)
@given(lengths=LENGTHS, capacity=st.integers(1, 50))
def test_rows_are_full_and_start_with_bos(lengths: list[int], capacity: int) -> None:
    starts = np.cumsum([0, *lengths])
    tokens = np.ones(starts[-1], dtype=np.uint16)
    tokens[starts[:-1]] = 7  # BOS
    rows = np.zeros((9, capacity), dtype=np.uint16)
    packer = prepare.Packer(starts, capacity, repeat=True)
    assert packer.fill(tokens, rows) == 9
    assert (rows[:, 0] == 7).all()
    assert (rows > 0).all()  # no padding
    assert packer.seen - packer.cropped == rows.size  # what is lost is counted


def test_without_repetition_every_document_is_used_at_most_once() -> None:
    rows, packer = packed_rows([5, 9, 3, 30, 8, 1] * 40, 16, 1000, repeat=False)
    documents = [document for row in rows for document, _ in row]
    assert len(documents) == len(set(documents))
    assert all(sum(size for _, size in row) == 16 for row in rows)
    assert packer.epoch == 1


def test_documents_longer_than_a_row_are_cropped() -> None:
    rows, packer = packed_rows([100], 10, 3, repeat=True)
    assert rows == [[(0, 10)]] * 3
    assert packer.cropped == 3 * 90


def test_epochs_are_counted() -> None:
    _, packer = packed_rows([1000] * 300, 1000, 1, repeat=True)
    assert packer.taken == 1024  # eight batches of 128 fill the buffer
    assert packer.epoch == 4


@pytest.mark.parametrize(("rows", "length"), [(4, 32), (16, 100)])
def test_the_loader_gives_what_an_ordinary_one_gives(corpus, rows: int, length: int) -> None:
    prepare.prepare(str(corpus), quiet=True)
    tokenizer = prepare.Tokenizer.from_directory()
    fast = prepare.make_dataloader(tokenizer, rows, length, "train")
    again = prepare.make_dataloader(tokenizer, rows, length, "train")
    plain = measure_gpu.plain_loader(tokenizer, rows, length, "train")
    for _ in range(20):
        x, y, _ = next(fast)
        assert x.shape == y.shape == (rows, length)
        assert (x[:, 1:] == y[:, :-1]).all()
        for other in (again, plain):
            a, b, _ = next(other)
            assert (a == x).all()
            assert (b == y).all()


def test_an_error_in_the_thread_reaches_the_consumer(corpus, monkeypatch) -> None:
    prepare.prepare(str(corpus), quiet=True)
    monkeypatch.setattr(prepare.Packer, "fill", lambda *_: 1 / 0)
    loader = prepare.make_dataloader(prepare.Tokenizer.from_directory(), 2, 8, "train")
    with pytest.raises(ZeroDivisionError):
        next(loader)
