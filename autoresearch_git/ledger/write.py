"""Write what is on the trail for other systems: the five-column ledger, flat rows, Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError
from autoresearch_git.ledger.table import HEAD
from autoresearch_git.look.numbers import number, seconds_of, when
from autoresearch_git.records import Experiment

_TEXTS = (
    *("commit", "class", "contract", "verdict", "outcome", "metric", "emitter", "phase", "parent"),
    *("change", "hypothesis", "category", "niche", "signature"),
)
_STATUS = {"crash": "crash", "invalid": "crash", "keep": "keep", "keep-unconfirmed": "keep"}


def tsv(found: Sequence[Experiment]) -> bytes:
    """The upstream project's ledger; rows that were imported are written as they were read."""
    origins = [origin for each in found if (origin := _origin(each))]
    wholes = [origin for origin in origins if "file" in origin]  # one for each import
    if not wholes or not all("lines" in origin for origin in origins):
        return ("\n".join([HEAD, *map(_row, found)]) + "\n").encode()
    file, ending = wholes[-1]["file"], str(wholes[-1]["file"].get("ending", "\n"))
    lines = {int(n): text for o in origins for n, text in o["lines"].items()}
    lines |= {int(n): text for whole in wholes for n, text in whole["refused"].items()}
    head = [str(file["head"])] if file["head"] else []
    tail = "\r" if str(file["head"]).endswith("\r") else ""
    own = [_row(each) + tail for each in found if not _origin(each)]
    text = ending.join([*head, *(lines[n] for n in sorted(lines)), *own])
    last = ending if file["closed"] or own else ""
    return (text + last).encode(str(file["encoding"]), "replace")


def flat(each: Experiment) -> dict[str, Any]:
    """An experiment as one row of plain columns, the same ones for all."""
    review, plan, run = each.review, each.plan, each.runs[-1] if each.runs else None
    return {
        "commit": each.commit,
        "seq": each.seq,
        "time": when(each),
        "class": each.klass,
        "contract": each.contract,
        "verdict": each.verdict,
        "outcome": run.outcome if run else None,
        "value": each.value,
        "n": review.n if review else 0,
        "low": review.low if review else None,
        "high": review.high if review else None,
        "delta": review.delta if review else None,
        "p_better": review.p_better if review else None,
        "metric": review.metric if review else None,
        "emitter": plan.emitter if plan else None,
        "phase": plan.phase if plan else None,
        "parent": plan.parent if plan else None,
        "change": clean(plan.change, 1000) if plan else None,
        "hypothesis": clean(plan.hypothesis, 2000) if plan else None,
        "category": review.category if review else None,
        "niche": review.niche if review else None,
        "signature": clean(review.signature, 400) if review else None,
        "seconds": seconds_of(each),
        "cost": sum(r.cost for r in each.runs),
        "peak_vram_mb": run.metrics.get("peak_vram_mb") if run else None,
        "num_params_M": run.metrics.get("num_params_M") if run else None,
        "num_steps": run.metrics.get("num_steps") if run else None,
        "imported": _origin(each) != {},
    }


def parquet(found: Sequence[Experiment], path: Path) -> None:
    """One row an experiment, for pandas, DuckDB and the like."""
    try:
        import pyarrow as pa
        from pyarrow import parquet as writer
    except ImportError:
        raise ArError("Parquet needs pyarrow", "pip install pyarrow") from None
    rows = [flat(each) for each in found]
    types = dict.fromkeys(_TEXTS, pa.string())
    types |= {"seq": pa.int64(), "n": pa.int64(), "imported": pa.bool_()}
    names = list(flat(Experiment(commit="")))
    schema = pa.schema([(name, types.get(name, pa.float64())) for name in names])
    writer.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def _row(each: Experiment) -> str:
    run = each.runs[-1] if each.runs else None
    status = _STATUS.get(each.verdict, "discard") if each.value is not None else "crash"
    crashed = status == "crash"
    memory = 0.0 if run is None or crashed else run.metrics.get("peak_vram_mb", 0.0) / 1024
    value = "0.000000" if crashed else number(each.value)
    change = clean(each.plan.change, 1000) if each.plan else ""
    return f"{each.commit[:7]}\t{value}\t{memory:.1f}\t{status}\t{change}"


def _origin(each: Experiment) -> dict[str, Any]:
    found = each.plan.agent.get("imported") if each.plan else None
    return found if isinstance(found, dict) else {}
