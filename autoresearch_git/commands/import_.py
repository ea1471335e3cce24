"""git ar import: take in results of another system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError, GitError
from autoresearch_git.git import locate
from autoresearch_git.git.process import git_bytes
from autoresearch_git.ledger import lines, table
from autoresearch_git.ledger.bring import Brought, bring
from autoresearch_git.ledger.match import Match
from autoresearch_git.ledger.rows import Ledger
from autoresearch_git.memory.store import Memory
from autoresearch_git.output import Output, json_option

SHOWN = 20  # lines of a list of rows that are printed


@click.command()
@click.argument("source", metavar="FILE")
@click.option("--branch", default="", help="Whose commits are the experiments (default: HEAD).")
@click.option("--map", "pairs", multiple=True, metavar="WORD=COLUMN", help="Our word, their name.")
@click.option("--metric", default="", help="The metric's name, if the file does not say it.")
@click.option("--maximize", is_flag=True, help="Higher is better.")
@click.option("--hardware", default="", help="What it ran on: part of the class.")
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and import nothing.")
@json_option
def command(
    source: str,
    branch: str,
    pairs: tuple[str, ...],
    metric: str,
    maximize: bool,
    hardware: str,
    dry_run: bool,
    as_json: bool | None,
) -> None:
    """Take in a ledger: results.tsv, results/discovery, JSON lines, or any TSV, CSV or JSONL.

    FILE may also be REVISION:PATH. Rows are matched with the branch's commits by their hashes;
    what is gone gets a commit of its own. All of it says that it was imported, and has a class
    of its own, so nothing is compared with what this machine measures. Words for --map: commit,
    value, status, description.

    \b
    git ar import results.tsv --branch autoresearch/mar5
    git ar import exp/H100/mar8:results.tsv --branch exp/H100/mar8 --hardware h100
    git ar import runs.csv --map value=loss --map status=verdict --metric loss
    """
    memory = Memory.open()
    where = branch or locate.head(memory.place)[0] or "HEAD"
    found = _read(memory, source, _mapping(pairs), metric, not maximize)
    if not any(ledger.rows for ledger in found):
        reasons = [f"line {r.number}: {r.reason}" for each in found for r in each.refused[:3]]
        raise ArError(f"{source} has no rows", "; ".join(reasons) or "is it the right file?")
    output = Output.choose(as_json)
    for ledger in found:
        if ledger.rows:
            brought = bring(memory, ledger, where, hardware, dry_run)
            _say(output, ledger, brought, dry_run)


def _mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    known = ("commit", "value", "status", "description", "memory_gb", "time")
    found = {}
    for pair in pairs:
        word, _, column = pair.partition("=")
        if word not in known or not column:
            raise click.UsageError(f"--map {pair}: WORD=COLUMN, WORD one of {', '.join(known)}")
        found[word] = column
    return found


def _read(
    memory: Memory, source: str, mapping: Mapping[str, str], metric: str, minimize: bool
) -> list[Ledger]:
    path = Path(source)
    if path.is_dir() or path.name in ("state.json", "events.jsonl"):
        return [lines.discovery(path if path.is_dir() else path.parent)]
    data = _data(memory, path, source)
    if path.suffix in (".json", ".jsonl", ".ndjson") or data.lstrip()[:1] == b"{":
        return lines.parse(data, source, mapping, metric, minimize)
    return [table.parse(data, source, mapping, metric, minimize)]


def _data(memory: Memory, path: Path, source: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if ":" not in source:
            raise ArError(f"cannot read {source}: {error.strerror}") from None
    try:
        return git_bytes(memory.place.git_dir, "cat-file", "blob", source)
    except GitError:
        raise ArError(f"there is no {source}, as a file or in git") from None


def _say(output: Output, ledger: Ledger, brought: Brought, dry: bool) -> None:
    counts = {
        "rows": len(ledger.rows) + len(ledger.refused),
        "matched": len(brought.matched),
        "orphaned": len(brought.orphaned),
        "known": len(brought.known),
        "refused": len(brought.refused),
    }
    if output.json:
        orphans = [{"row": m.row.number, "reason": m.how} for m in brought.orphaned]
        refused = [{"row": r.number, "reason": r.reason} for r in brought.refused]
        facts = {"class": brought.klass, "dry_run": dry, "orphans": orphans, "refusals": refused}
        output.line({"kind": "import", "v": 1, "source": ledger.source, **counts, **facts})
        return
    head = "would import" if dry else "imported"
    click.echo(f"{head} {clean(ledger.source)} as class {brought.klass}")
    click.echo("  " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    _list("orphaned", [(m.row.number, _orphan(m)) for m in brought.orphaned])
    _list("refused", [(r.number, r.reason) for r in brought.refused])
    click.echo(f"see: git ar log --class {brought.klass}; git ar plot --class {brought.klass}")


def _orphan(found: Match) -> str:
    return f"{clean(found.how, 60)}: {clean(found.row.description, 60)}"


def _list(title: str, found: list[tuple[int, str]]) -> None:
    for number, text in found[:SHOWN]:
        click.echo(f"  {title} row {number}: {text}")
    if len(found) > SHOWN:
        click.echo(f"  {title}: {len(found) - SHOWN} more, all of them with --json")
