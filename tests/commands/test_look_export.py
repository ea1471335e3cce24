"""Export: the formats are opened with the packages that they are meant for, where those are."""

from __future__ import annotations

import json
from importlib.util import find_spec

import pytest

from tests.look.ledgers import ledger
from tests.support import Sandbox

ROWS = 7


@pytest.fixture
def lab(sandbox: Sandbox) -> Sandbox:
    """A repository with a small imported ledger: a baseline, two keeps, three discards, a crash."""
    (sandbox.folder / "results.tsv").write_text(ledger(sandbox, 2, 3, 1))
    sandbox.ok("import", "results.tsv")
    return sandbox


def test_parquet_holds_what_json_says(lab: Sandbox) -> None:
    from pyarrow import parquet

    lab.ok("export", "--parquet", "-o", "runs.parquet")
    found = parquet.read_table(lab.folder / "runs.parquet")
    assert found.num_rows == ROWS
    assert found.column("value").null_count == 1
    rows = [json.loads(line) for line in lab.ok("export", "--json").splitlines()]
    assert found.to_pylist() == rows


def test_parquet_opens_in_pandas_and_duckdb(lab: Sandbox) -> None:
    import duckdb
    import pandas

    lab.ok("export", "--parquet", "-o", "runs.parquet")
    path = str(lab.folder / "runs.parquet")
    assert pandas.read_parquet(path).groupby("verdict").size()["discard"] == 3
    query = f"SELECT count(*), min(value) FROM '{path}' WHERE verdict <> 'crash'"
    count, best = duckdb.sql(query).fetchall()[0]
    assert (count, best < 0.9979) == (ROWS - 1, True)


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_trackers_write_a_folder_or_name_the_package(lab: Sandbox, name: str) -> None:
    done = lab.ar("export", f"--{name}", "-o", "store")
    if find_spec(name) is None:
        assert done.returncode == 1
        assert f"pip install {name}" in done.stderr
        assert not (lab.folder / "store").exists()
        return
    assert done.returncode == 0, done.stderr
    if name == "wandb":
        assert len([*lab.folder.glob("store/wandb/offline-run-*/*.wandb")]) == 1
        return
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{lab.folder}/store/mlflow.db")
    runs = mlflow.search_runs(experiment_names=["autoresearch"])
    assert runs.status.value_counts().to_dict() == {"FINISHED": ROWS - 1, "FAILED": 1}
    assert runs["metrics.value"].min() < 0.9979


def test_a_folder_with_something_in_it_is_left_alone(lab: Sandbox) -> None:
    lab.write("store/mine.txt", "mine")
    assert "is not empty" in lab.ar("export", "--mlflow", "-o", "store").stderr
    assert lab.ar("export", "--parquet").returncode == 2  # -o is missing
