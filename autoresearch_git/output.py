"""stdout is data, stderr is talk. Records as JSON lines in a pipe, as a table on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import msgspec

from autoresearch_git.errors import RecordError
from autoresearch_git.records import VERSION, Experiment

Extra = dict[str, Any]  # fields of an incoming record that this version does not know

json_option = click.option(
    "--json/--no-json", "as_json", default=None, help="Force JSON lines, or text for people."
)


@dataclass(frozen=True)
class Output:
    """Where a command's results go."""

    json: bool

    @classmethod
    def choose(cls, as_json: bool | None) -> Output:
        """JSON when asked for, or when stdout is not a terminal."""
        return cls(not sys.stdout.isatty() if as_json is None else as_json)

    def record(self, experiment: Experiment, extra: Extra | None = None) -> None:
        """Pass a record on at once, so that the next stage need not wait for the others."""
        known = msgspec.to_builtins(experiment)
        self.line(known | {k: v for k, v in (extra or {}).items() if k not in known})

    def line(self, data: object) -> None:
        """One JSON line."""
        sys.stdout.write(json.dumps(data, sort_keys=True, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def talk(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def records(command: str) -> Iterator[tuple[Experiment, Extra]]:
    """Experiment records from stdin, one JSON line each; RecordError names the line."""
    if sys.stdin is None or sys.stdin.isatty():
        raise RecordError(f"nothing to {command}", "name a commit, or pipe: git ar propose | ...")
    count = 0
    for number, line in enumerate(sys.stdin.buffer, 1):
        if line.strip():
            count += 1
            yield parse(line, f"line {number} of stdin")
    if not count:
        hint = "did the stage before it fail? Or name a commit"
        raise RecordError("stdin was empty: no records came in", hint)


def parse(line: bytes, where: str) -> tuple[Experiment, Extra]:
    """One experiment record and the fields that we do not know."""
    try:
        data = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "every line must be one whole JSON record"
        raise RecordError(f"{where} is not JSON: {error}", hint) from None
    if not isinstance(data, dict) or data.get("kind") != "experiment":
        kind = data.get("kind") if isinstance(data, dict) else type(data).__name__
        raise RecordError(
            f"{where} is no experiment record (kind: {kind})", "pipe from a git ar verb"
        )
    if not isinstance(data.get("v"), int) or data["v"] > VERSION:
        about = f"{where} is a record of version {data.get('v')}, this git ar knows {VERSION}"
        raise RecordError(about, "update git ar")
    try:
        experiment = msgspec.convert(data, Experiment)
    except msgspec.ValidationError as error:
        raise RecordError(f"{where}: {error}", "pipe from a git ar verb") from None
    unknown = {k: v for k, v in data.items() if k not in (*Experiment.__struct_fields__, "kind")}
    return experiment, unknown
