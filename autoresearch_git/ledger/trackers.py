"""Write what is on the trail for experiment trackers, into a folder, without a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoresearch_git.errors import ArError
from autoresearch_git.ledger.write import flat
from autoresearch_git.records import Experiment

DATABASE = "mlflow.db"  # MLflow's folders of plain files are no longer supported by it


def mlflow(found: Sequence[Experiment], folder: Path, name: str) -> None:
    """An MLflow store in SQLite, one MLflow run an experiment.

    See it with `mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db`.
    """
    try:
        import sqlalchemy  # noqa: F401  (mlflow-skinny lacks it)
        from mlflow.entities import Metric, RunTag
        from mlflow.tracking import MlflowClient
    except ImportError:
        raise ArError("this needs MLflow with its database", "pip install mlflow") from None
    folder.mkdir(parents=True, exist_ok=True)
    place = folder.resolve()
    client = MlflowClient(tracking_uri=f"sqlite:///{place / DATABASE}")
    experiment = client.create_experiment(name, (place / "artifacts").as_uri())
    for each in found:
        row = _known(each)
        begin = round(row["time"] * 1000)
        run = client.create_run(experiment, begin, run_name=each.commit[:9]).info.run_id
        numbers = {k: float(v) for k, v in row.items() if not isinstance(v, bool | str)}
        metrics = [Metric(key, value, begin, 0) for key, value in numbers.items()]
        tags = [RunTag(k, str(v)[:5000]) for k, v in row.items() if k not in numbers]
        client.log_batch(run, metrics, tags=tags)
        end = begin + round(1000 * row["seconds"])
        client.set_terminated(run, "FAILED" if each.value is None else "FINISHED", end)


def wandb(found: Sequence[Experiment], folder: Path, name: str) -> None:
    """An offline Weights & Biases directory, one step an experiment; `wandb sync` uploads it."""
    try:
        import wandb as client
    except ImportError:
        raise ArError("this needs wandb", "pip install wandb") from None
    folder.mkdir(parents=True, exist_ok=True)
    quiet = client.Settings(silent=True, console="off", x_disable_stats=True)
    run = client.init(project=name, dir=str(folder), mode="offline", settings=quiet)
    for step, each in enumerate(found):
        run.log(_known(each), step=step)
    run.finish()
    client.teardown()  # its service would live on


def _known(each: Experiment) -> dict[str, Any]:
    return {key: value for key, value in flat(each).items() if value is not None}
