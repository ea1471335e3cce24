"""JSON Schemas of the records, made from their types; run as a module, it writes the files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from autoresearch_git.records import VERSION, Event, Experiment, Record

RECORDS: dict[str, type[Record]] = {"event": Event, "experiment": Experiment}


def schemas() -> dict[str, str]:
    """File name -> text of each record's JSON Schema (draft 2020-12)."""
    found = {}
    for name, record in RECORDS.items():
        schema = msgspec.json.schema(record)
        head = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"git ar {name}, version {VERSION}",
        }
        text = json.dumps(head | schema, indent=1, sort_keys=True, ensure_ascii=False)
        found[f"{name}.v{VERSION}.json"] = text + "\n"
    return found


def write(folder: Path) -> None:
    """Write all schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schema"))
