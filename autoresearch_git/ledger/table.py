"""Ledgers of lines and columns: results.tsv of the upstream project, and any TSV or CSV.

Lines are kept as they stand, so that what was imported can be exported to the byte.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from autoresearch_git.errors import ArError
from autoresearch_git.ledger.rows import Ledger, Refused, Row, checked, few, finite, seconds

COLUMNS = ("commit", "val_bpb", "memory_gb", "status", "description")
HEAD = "\t".join(COLUMNS)
_NAMES = {  # our word -> names of columns that mean it, the first present one wins
    "commit": ("commit", "sha", "hash", "commit_hash", "revision"),
    "value": ("value", "metric", "val_bpb", "loss", "score", "result"),
    "status": ("status", "verdict", "decision", "outcome"),
    "description": ("description", "change", "idea", "note", "name", "summary"),
    "memory_gb": ("memory_gb", "vram_gb"),
    "time": ("timestamp", "time", "date"),
}


def parse(
    data: bytes, source: str, mapping: Mapping[str, str], metric: str = "", minimize: bool = True
) -> Ledger:
    """The rows of a TSV or CSV file. `mapping`: our word (commit, value, ...) -> column name."""
    text, encoding = _decoded(data)
    lines = text.split("\n")  # a \r before it stays with its line: some files mix both endings
    closed = lines[-1] == ""
    lines = lines[:-1] if closed else lines
    few(len(lines), source)
    split = _comma if lines and "\t" not in lines[0] and "," in lines[0] else _tab
    first = split(_bare(lines[0])) if lines else []
    names, titled = _names(first, mapping)
    rows: list[Row] = []
    refused: list[Refused] = []
    for number, line in enumerate(lines[titled:], 1 + titled):
        found = _row(number, line, split(_bare(line)), names)
        if isinstance(found, Row):
            rows.append(found)
        else:
            refused.append(found)
    head = lines[0] if titled else ""
    shown = metric or _metric(first if titled else [], names)
    return Ledger(
        source,
        tuple(rows),
        tuple(refused),
        shown,
        minimize,
        head,
        encoding=encoding,
        closed=closed,
    )


def _bare(line: str) -> str:
    """A line without what Windows puts around lines and files."""
    return line.removesuffix("\r").removeprefix("\ufeff")


def _decoded(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"  # every byte has a character there


def _tab(line: str) -> list[str]:
    return line.split("\t")


def _comma(line: str) -> list[str]:
    try:
        return next(csv.reader([line.replace("\0", "")]), [])
    except csv.Error:
        return line.split(",")


def _names(first: Sequence[str], mapping: Mapping[str, str]) -> tuple[dict[str, int], int]:
    """(our word -> column, number of header lines)."""
    titles = [cell.strip().lower() for cell in first]
    wanted = {word: (mapping[word].lower(),) for word in mapping}
    names = {
        word: titles.index(name)
        for word, known in (_NAMES | wanted).items()
        if (name := next((n for n in known if n in titles), None)) is not None
    }
    missing = [f"{word}={name}" for word, name in mapping.items() if name.lower() not in titles]
    if missing:
        raise ArError(f"no such column: {', '.join(missing)}", f"there are: {', '.join(titles)}")
    if {"commit", "status"} <= names.keys() and 1 not in names.values() and len(titles) > 2:
        names.setdefault("value", 1)  # the upstream project's columns, with another metric
    if {"value", "status"} <= names.keys():
        return names, 1
    # The five columns without a header: the second one is a number.
    if len(first) >= 4 and finite(first[1]) is not None:
        words = ("commit", "value", "memory_gb", "status", "description")
        return {word: place for place, word in enumerate(words)}, 0
    if not first or first == [""]:
        return names, 0
    raise ArError(
        f"no columns for value and status in: {', '.join(titles)[:100]}",
        "name them: --map value=COLUMN --map status=COLUMN",
    )


def _row(number: int, line: str, cells: list[str], names: dict[str, int]) -> Row | Refused:
    if not line.strip():
        return Refused(number, "empty line", line)
    if max(names["value"], names["status"]) >= len(cells):
        return Refused(number, f"only {len(cells)} columns", line)

    def cell(word: str) -> str:
        place = names.get(word, len(cells))
        if word == "description" and place == max(names.values()):
            return "\t".join(cells[place:])  # an unquoted tab within the last column
        return cells[place] if place < len(cells) else ""

    memory, when = finite(cell("memory_gb")), seconds(cell("time"))
    metrics = {"peak_vram_mb": memory * 1024} if memory else {}
    return checked(
        number,
        cell("commit"),
        cell("value"),
        cell("status"),
        cell("description"),
        metrics=metrics,
        more={"time": when} if when else {},
        line=line,
    )


def _metric(titles: Sequence[str], names: Mapping[str, int]) -> str:
    """The title of the column of values, unless it only says that they are values."""
    place = names.get("value", len(titles))
    named = titles[place].strip() if place < len(titles) else "val_bpb"
    return "metric" if named.lower() == "value" else named
