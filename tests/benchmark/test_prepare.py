"""Tokenizer and token cache: right, safe to repeat, and clear about bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import prepare
import pyarrow
import pyarrow.parquet
import pytest

from tests.benchmark.conftest import BENCHMARK, TEXTS, write_shard


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    return {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in folder.rglob("*")}


def refused(capsys: pytest.CaptureFixture, *arguments: object) -> str:
    """The one line that prepare() ends with; nothing half-written is left in the cache."""
    with pytest.raises(SystemExit) as stopped:
        prepare.prepare(*arguments, quiet=True)
    message = str(stopped.value)
    assert "\n" not in message
    assert message.startswith("error: ")
    left = {p.name for p in prepare.cache_root().glob("*")} - {"lock"}
    assert not left, left
    return message


def test_tokenizer_round_trip_and_bytes(tmp_path: Path) -> None:
    tokenizer = prepare.Tokenizer.train(TEXTS * 50, 400)
    sizes = tokenizer.token_bytes()
    for text in TEXTS:
        tokens = tokenizer.encode(text)
        assert tokenizer.decode(tokens) == text
        assert sizes[tokens].sum() == len(text.encode())
        assert max(tokens) < tokenizer.bos  # nothing in a text is a special token
    assert tokenizer.get_vocab_size() == tokenizer.bos + 4 == len(sizes)
    assert not sizes[tokenizer.bos :].any()
    tokenizer.save(tmp_path / "tokenizer.json")
    again = prepare.Tokenizer.load(tmp_path / "tokenizer.json")
    assert again.ranks == tokenizer.ranks
    assert again.encode(TEXTS[1]) == tokenizer.encode(TEXTS[1])


def test_digits_go_in_groups_of_two() -> None:
    tokenizer = prepare.Tokenizer.train(["123456 123456 " * 100], 300)
    assert [tokenizer.decode([t]) for t in tokenizer.encode("123456")] == ["12", "34", "56"]


def test_training_a_tokenizer_is_deterministic() -> None:
    assert (
        prepare.Tokenizer.train(TEXTS * 9, 350).ranks
        == prepare.Tokenizer.train(TEXTS * 9, 350).ranks
    )


@pytest.mark.parametrize("content", ["", "{}", '{"pieces": [], "pattern": ""}', "\x80\x04K\x01."])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(SystemExit, match="is no tokenizer"):
        prepare.Tokenizer.load(tmp_path / "tokenizer.json")


def test_the_cache_holds_every_document_after_a_bos(corpus: Path) -> None:
    prepare.prepare(str(corpus), quiet=True)
    tokenizer = prepare.Tokenizer.from_directory()
    tokens, starts = prepare.open_split("val")
    assert tokens.dtype == np.uint16
    assert (tokens[starts[:-1]] == tokenizer.bos).all()
    documents = [tokens[a + 1 : b].tolist() for a, b in pairwise(starts)]
    assert [tokenizer.decode(d) for d in documents] == TEXTS * 10


def test_worker_processes_write_the_same_files(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = prepare.prepare(str(corpus), quiet=True)
    expected = {p.name: p.read_bytes() for p in alone.iterdir()}
    for path in alone.iterdir():
        path.unlink()
    alone.rmdir()
    monkeypatch.setattr(prepare, "PARALLEL_BYTES", 0)
    together = prepare.prepare(str(corpus), quiet=True)
    assert {p.name: p.read_bytes() for p in together.iterdir()} == expected


def test_preparing_again_changes_nothing(corpus: Path) -> None:
    folder = prepare.prepare(str(corpus), quiet=True)
    before = files_of(folder)
    assert prepare.prepare(str(corpus), quiet=True) == folder
    assert files_of(folder) == before


def test_two_at_once_make_one_cache(corpus: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        folders = set(pool.map(lambda _: prepare.prepare(str(corpus), quiet=True), range(2)))
    assert len(folders) == 1
    assert {p.name for p in prepare.cache_root().iterdir()} == {
        "lock", "cpu.json", folders.pop().name,
    }  # fmt: skip


def test_what_a_killed_one_left_is_cleared(corpus: Path) -> None:
    left = prepare.cache_root() / "cpu-0123456789abcdef.tmp"
    left.mkdir(parents=True)
    (left / "train.u16").write_bytes(b"half")
    prepare.prepare(str(corpus), quiet=True)
    assert not left.exists()


def test_corpora_and_vocabularies_do_not_mix(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepare.prepare(str(corpus), quiet=True)
    fewer = prepare.prepare(str(corpus), 1, quiet=True)
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 300)
    smaller = prepare.prepare(str(corpus), quiet=True)
    assert len({first, fewer, smaller}) == 3
    assert prepare.Tokenizer.from_directory().get_vocab_size() == 300


def test_a_carried_tokenizer_needs_no_rustbpe(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.Tokenizer.train(TEXTS * 50, 300).save(tmp_path / "mine.json")
    monkeypatch.setitem(sys.modules, "rustbpe", None)
    prepare.prepare(str(corpus), 0, str(tmp_path / "mine.json"), quiet=True)
    assert prepare.Tokenizer.from_directory().get_vocab_size() == 300


def test_without_rustbpe_it_says_what_to_do(
    corpus: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rustbpe", None)
    assert "--tokenizer" in refused(capsys, str(corpus))


def test_a_tokenizer_too_large_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.Tokenizer.train(TEXTS * 50, 400).save(tmp_path / "mine.json")
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 300)
    assert "the tokenizer has" in refused(capsys, str(corpus), 0, str(tmp_path / "mine.json"))


def test_no_folder_and_too_few_shards(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert "no folder" in refused(capsys, str(tmp_path / "none"))
    write_shard(tmp_path / "one" / "shard.parquet", TEXTS)
    assert "two are needed" in refused(capsys, str(tmp_path / "one"))


def spoil_column(path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"body": TEXTS}), path)


def spoil_type(path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": [1, 2]}), path)


def spoil_utf8(path: Path) -> None:
    raw = pyarrow.array([b"good", b"\xff\xfe bad"], "binary")
    text = pyarrow.Array.from_buffers(pyarrow.string(), 2, raw.buffers())
    pyarrow.parquet.write_table(pyarrow.table({"text": text}), path)


def spoil_rows(path: Path) -> None:
    write_shard(path, ["", ""])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(b""), "parquet"),
        (lambda path: path.write_bytes(path.read_bytes()[:-50]), "parquet"),
        (spoil_column, "no `text` column"),
        (spoil_type, "int64, not strings"),
        (spoil_utf8, "not UTF-8"),
        (spoil_rows, "no documents"),
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_a_bad_shard_is_named(
    corpus: Path, capsys: pytest.CaptureFixture, spoil: object, message: str, number: int
) -> None:
    path = corpus / f"shard_{number:05d}.parquet"
    spoil(path)
    said = refused(capsys, str(corpus))
    assert message in said
    assert path.name in said


def test_a_shard_that_is_cut_inside(corpus: Path, capsys: pytest.CaptureFixture) -> None:
    path = corpus / "shard_00001.parquet"
    data = bytearray(path.read_bytes())
    data[4:60] = bytes(56)  # the footer is there, the pages are not
    path.write_bytes(data)
    assert path.name in refused(capsys, str(corpus))


def test_a_damaged_cache_is_noticed(corpus: Path) -> None:
    folder = prepare.prepare(str(corpus), quiet=True)
    with open(folder / "train.u16", "r+b") as file:
        file.truncate(100)
    with pytest.raises(SystemExit, match="is damaged"):
        prepare.open_split("train")


def test_data_of_another_vocabulary_is_refused(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.prepare(str(corpus), quiet=True)
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 999)
    with pytest.raises(SystemExit, match="another vocabulary"):
        prepare.prepared()


def test_nothing_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "PROFILE", "h100")
    with pytest.raises(SystemExit, match=r"run python prepare\.py"):
        prepare.prepared()


def test_the_cpu_profile_prepares_itself() -> None:
    folder = prepare.prepared()
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["train_documents"] == 3619
    assert meta["val_documents"] == 199


def test_a_tokenizer_of_other_data_is_refused(corpus: Path) -> None:
    prepare.prepare(str(corpus), quiet=True)
    with pytest.raises(SystemExit, match="not the one"):
        prepare.make_dataloader(prepare.Tokenizer.train(TEXTS, 270), 2, 16, "train")


def test_the_h100_profile_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTORESEARCH_PROFILE", "h100")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    done = subprocess.run(
        [sys.executable, BENCHMARK / "train.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "needs a CUDA GPU" in done.stderr
