"""The benchmark's two files, imported in the cpu profile; every test has its own cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmark"
sys.path.insert(0, str(BENCHMARK))
os.environ["AUTORESEARCH_PROFILE"] = "cpu"  # the constants are chosen at import

import prepare  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)  # tests run side by side

TEXTS = [
    "The state of the union is strong, and the people know it.",
    "Größe, naïveté, 東京 and 🚀: bytes are not characters. " * 3,
    "What looks like <|reserved_0|> in a text is text.\n\n\tTabs, 1234567 and all.",
    "One two three four five six seven eight nine ten. " * 20,
]


def write_shard(path: Path, texts: list[str]) -> Path:
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array(texts, "string")}), path)
    return path


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What prepare.py remembers within a process must not outlive a test."""
    prepare.prepared.cache_clear()
    prepare._load_once.cache_clear()
    yield
    prepare.prepared.cache_clear()
    prepare._load_once.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder of three small shards, the last one for validation."""
    folder = tmp_path / "corpus"
    for i, texts in enumerate((TEXTS * 30, TEXTS[::-1] * 20, TEXTS * 10)):
        write_shard(folder / f"shard_{i:05d}.parquet", texts)
    return folder
