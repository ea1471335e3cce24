"""Ledgers of JSON lines: pi-autoresearch, codex-autoresearch, the fork's discovery state, any.

pi-autoresearch and codex-autoresearch write a configuration line (metric and direction), then a
line a run; each further configuration begins a segment, whose numbers are not compared with
others. The fork keeps state.json and events.jsonl in results/discovery, a record an experiment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoresearch_git.ledger.rows import Ledger, Refused, Row, checked, few, finite, seconds

_VALUES = ("value", "metric", "val_bpb", "score", "loss")
_TEXTS = ("description", "change", "idea", "summary", "name")


def parse(
    data: bytes, source: str, mapping: Mapping[str, str], metric: str = "", minimize: bool = True
) -> list[Ledger]:
    """One ledger for each segment of a JSONL file."""
    segments: list[tuple[str, bool, list[Row], list[Refused]]] = []

    def segment(name: str, lower: bool) -> None:
        segments.append((metric or name, lower, [], []))

    few(data.count(b"\n"), source)
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        found = _object(line)
        if isinstance(found, dict) and found.get("type") == "config":
            lower = str(found.get("bestDirection", "lower")).lower() not in ("higher", "max")
            segment(str(found.get("metricName") or "metric"), lower)
            continue
        if not segments:
            segment("metric", minimize)
        row = (
            _row(number, found, mapping)
            if isinstance(found, dict)
            else Refused(number, "not a JSON object")
        )
        if isinstance(row, Row):
            segments[-1][2].append(row)
        else:
            segments[-1][3].append(row)
    return [
        Ledger(source, tuple(rows), tuple(refused), name, lower, segment=k)
        for k, (name, lower, rows, refused) in enumerate(segments)
    ]


def discovery(folder: Path) -> Ledger:
    """The fork's results/discovery: its records, each experiment once, the last word of each."""
    seen: dict[str, dict[str, Any]] = {}
    refused: list[Refused] = []
    for name in ("state.json", "events.jsonl"):
        path = folder / name
        data = path.read_bytes() if path.is_file() else b""
        few(data.count(b"\n"), str(path))
        for number, line in enumerate([data] if name == "state.json" else data.split(b"\n"), 1):
            if not line.strip():
                continue
            found = _object(line)
            if found is None:
                refused.append(Refused(number, f"{name}: not JSON"))
            for record in _records(found):
                seen[str(record["experiment_id"])] = record
    rows: list[Row] = []
    for number, record in enumerate(
        sorted(seen.values(), key=lambda r: (str(r.get("timestamp", "")), str(r["experiment_id"]))),
        1,
    ):
        row = _evo(number, record)
        if isinstance(row, Row):
            rows.append(row)
        else:
            refused.append(row)
    return Ledger(str(folder), tuple(rows), tuple(refused))


def _object(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None


def _records(found: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every experiment record in a JSON value, wherever this version of the fork put it."""
    if isinstance(found, dict) and "experiment_id" in found and "status" in found:
        yield found
    elif depth < 6 and isinstance(found, dict | list):
        for inner in found.values() if isinstance(found, dict) else found:
            yield from _records(inner, depth + 1)


def _row(number: int, found: dict[str, Any], mapping: Mapping[str, str]) -> Row | Refused:
    def cell(word: str, *names: str) -> object:
        wanted = (mapping[word],) if word in mapping else names
        return next((found[name] for name in wanted if name in found), None)

    asi = found.get("asi") if isinstance(found.get("asi"), dict) else {}
    more: dict[str, Any] = {"time": seconds(cell("time", "timestamp", "time"))}
    if isinstance(asi, dict) and asi.get("hypothesis"):
        more["hypothesis"] = str(asi["hypothesis"])
    return checked(
        number,
        str(cell("commit", "commit", "sha", "hash") or ""),
        cell("value", *_VALUES),
        cell("status", "status", "verdict", "decision") or "",
        str(cell("description", *_TEXTS) or ""),
        metrics=_numbers(found.get("metrics")),
        more={name: value for name, value in more.items() if value},
    )


def _evo(number: int, record: dict[str, Any]) -> Row | Refused:
    metrics = _numbers(record.get("metrics"))
    value = metrics.pop("val_bpb", None)
    names = ("emitter", "phase", "category", "hypothesis", "crash_signature")
    more = {name: record[name] for name in names if record.get(name)}
    if when := seconds(record.get("timestamp")):
        more["time"] = when
    status = str(record.get("status", ""))
    if value is None and status.lower() not in ("keep", "near-miss", "near_miss"):
        status = "crash"
    return checked(
        number,
        str(record.get("commit") or ""),
        value,
        status,
        str(record.get("description") or ""),
        metrics=metrics,
        more=more,
    )


def _numbers(found: object) -> dict[str, float]:
    items = found.items() if isinstance(found, dict) else ()
    return {str(k)[:60]: v for k, raw in items if (v := finite(raw)) is not None}
