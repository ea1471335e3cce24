"""The published schemas are those of the records, and what is written follows them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec

from autoresearch_git.memory import schema
from autoresearch_git.records import encode
from tests.memory.lab import life

FOLDER = Path(__file__).parents[2] / "docs" / "schema"


def follows(value: Any, rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a value follows the part of JSON Schema that our records use."""
    if "$ref" in rule:
        return follows(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in rule:
        return any(follows(value, each, whole) for each in rule["anyOf"])
    if "enum" in rule:
        return value in rule["enum"]
    kinds = {"object": dict, "array": list, "string": str, "number": (int, float),
             "integer": int, "boolean": bool, "null": type(None)}  # fmt: skip
    if "type" in rule and not isinstance(value, kinds[rule["type"]]):
        return False
    if isinstance(value, dict):
        known = rule.get("properties", {})
        return set(rule.get("required", ())) <= set(value) and all(
            follows(v, known[k], whole) for k, v in value.items() if k in known
        )
    if isinstance(value, list):
        fixed = rule.get("prefixItems", [])
        rest = rule.get("items") or {}
        rules = [*fixed, *[rest] * (len(value) - len(fixed))]
        return all(follows(v, r, whole) for v, r in zip(value, rules, strict=True))
    return True


def test_the_schemas_are_up_to_date() -> None:
    there = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert there == schema.schemas(), "run: python -m autoresearch_git.memory.schema"


def test_events_follow_their_schema() -> None:
    (text,) = [t for name, t in schema.schemas().items() if name.startswith("event.")]
    whole = json.loads(text)
    for event in life("0" * 40, random.Random(1)):
        data = json.loads(encode(event))
        assert follows(data, whole, whole)
        assert not follows(data | {"seq": "one"}, whole, whole)
        assert not follows({k: v for k, v in data.items() if k != "kind"}, whole, whole)
        assert set(data) <= set(msgspec.json.schema(type(event))["$defs"]["Event"]["properties"])
