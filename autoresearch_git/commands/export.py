"""git ar export: write results for another system."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from autoresearch_git.errors import ArError
from autoresearch_git.ledger import trackers, write
from autoresearch_git.look.filters import Filter
from autoresearch_git.look.query import latest_class
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import talk
from autoresearch_git.records import Experiment


@click.command()
@click.option("--tsv", "form", flag_value="tsv", default="tsv", help="Five columns (default).")
@click.option("--json", "form", flag_value="json", help="One flat JSON object a line.")
@click.option("--parquet", "form", flag_value="parquet", help="For pandas or DuckDB; needs -o.")
@click.option("--mlflow", "form", flag_value="mlflow", help="A local MLflow store; needs -o DIR.")
@click.option("--wandb", "form", flag_value="wandb", help="An offline W&B folder; needs -o DIR.")
@click.option("-o", "--output", "path", metavar="FILE", help="Instead of standard output.")
@click.option("--all", "every", is_flag=True, help="All classes, not only one.")
@click.option("--class", "klass", default="", help="Another class than the one that ran last.")
def command(form: str, path: str | None, every: bool, klass: str) -> None:
    """Write the experiments of a class for another system.

    The five columns are those of the upstream project's results.tsv; a ledger that was imported
    comes out to the byte as it went in.

    \b
    git ar export --tsv > results.tsv
    git ar export --parquet -o runs.parquet
    """
    index = Memory.open().index
    wanted = Filter() if every else Filter(klass=klass or latest_class(index))
    found = list(wanted.newest(index))[::-1]
    if form in ("tsv", "json"):
        _emit(write.tsv(found) if form == "tsv" else _json(found), path)
        return
    if path is None:
        raise click.UsageError(f"--{form} needs a place to write to: -o PATH")
    target = Path(path)
    if form != "parquet" and target.exists() and any(target.iterdir()):
        raise ArError(f"{target} is not empty", "name a new folder")
    try:
        if form == "parquet":
            write.parquet(found, target)
        else:
            into = trackers.mlflow if form == "mlflow" else trackers.wandb
            into(found, target, "autoresearch")
    except OSError as error:
        raise ArError(f"cannot write {target}: {error.strerror or error}") from None
    talk(f"wrote {len(found)} experiments to {target}")


def _json(found: Sequence[Experiment]) -> bytes:
    lines = (json.dumps(write.flat(each), ensure_ascii=False, sort_keys=True) for each in found)
    return "".join(line + "\n" for line in lines).encode()


def _emit(data: bytes, path: str | None) -> None:
    if path is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise ArError(f"cannot write {path}: {error.strerror}") from None
