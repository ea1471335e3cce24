"""Import and export: every row accounted for, and the ledger comes out as it went in."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.look.ledgers import BRANCH, ledger
from tests.support import Sandbox


def test_a_real_sized_ledger_goes_in_and_comes_out(sandbox: Sandbox) -> None:
    text = ledger(sandbox)
    (sandbox.folder / "results.tsv").write_text(text)
    (facts,) = sandbox.records("import", "results.tsv", "--branch", BRANCH)
    assert facts["rows"] == 126
    assert (facts["matched"], facts["orphaned"], facts["refused"]) == (23, 103, 0)
    assert sandbox.ok("export", "--tsv") == text
    status = json.loads(sandbox.ok("status", "--json"))
    kept = [float(row.split("\t")[1]) for row in text.splitlines()[1:] if "\tkeep\t" in row]
    assert status["best"]["review"]["value"] == min(kept)
    assert status["baseline"]["review"]["value"] == kept[0] == 0.9979
    assert sum(status["verdicts"].values()) == 126
    logged = sandbox.records("log")
    assert all("imported" in e["plan"]["agent"] for e in logged)
    assert all(run["backend"] == "import" for e in logged for run in e["runs"])
    keeps = [e for e in logged if e["decision"]["verdict"] == "keep-unconfirmed"]
    assert {e["review"]["edits"][0]["name"] for e in keeps[1:]} == {"LEARNING_RATE"}
    # A second import finds everything there; so does one in another clone, with the same commits.
    (again,) = sandbox.records("import", "results.tsv", "--branch", BRANCH)
    assert (again["known"], again["matched"], again["orphaned"]) == (126, 0, 0)
    assert sandbox.records("log") == logged
    assert "Imported: results.tsv row 2" in sandbox.ok("show", keeps[0]["commit"], "--no-json")


def test_a_ledger_that_grew_comes_out_whole(sandbox: Sandbox) -> None:
    text = ledger(sandbox, 2, 3, 0)
    (sandbox.folder / "results.tsv").write_text(text.rstrip("\n"))
    sandbox.ok("import", "results.tsv")
    grown = text + "what is this\nabc1234\t0.99\t1.0\tdiscard\tone more\n"
    (sandbox.folder / "results.tsv").write_text(grown)
    (facts,) = sandbox.records("import", "results.tsv")
    assert (facts["known"], facts["orphaned"], facts["refused"]) == (6, 1, 1)
    assert sandbox.ok("export") == grown


def test_a_dry_run_writes_nothing(sandbox: Sandbox) -> None:
    (sandbox.folder / "results.tsv").write_text(ledger(sandbox, 2, 3, 0))
    (facts,) = sandbox.records("import", "results.tsv", "--dry-run")
    assert (facts["matched"], facts["orphaned"]) == (3, 3)
    assert sandbox.records("log") == []
    assert not (sandbox.folder / ".git/refs/ar").exists()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"abc1234\tnan\t1.0\tkeep\tidea", "no finite number"),
        (b"abc1234\t0.99\t1.0\tmaybe\tidea", "unknown status"),
        (b"abc1234", "only 1 columns"),
        (b"", "empty line"),
        (b"\0\0\0", "only 1 columns"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason_and_still_exported(
    sandbox: Sandbox, line: bytes, reason: str
) -> None:
    rows = ledger(sandbox, 1, 1, 0).encode().splitlines()
    data = b"\n".join([*rows[:2], line, *rows[2:]]) + b"\n"
    (sandbox.folder / "results.tsv").write_bytes(data)
    (facts,) = sandbox.records("import", "results.tsv")
    assert facts["refused"] == 1
    assert facts["refusals"][0]["row"] == 3
    assert reason in facts["refusals"][0]["reason"]
    sandbox.ok("export", "-o", "out.tsv")
    assert (sandbox.folder / "out.tsv").read_bytes() == data


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.split(b"\n", 1)[1],  # no header
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\r\n", 1),  # a header of Windows, rows of a shell
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.rstrip(b"\n"),
        lambda data: data.replace(b"idea", b"id\xe9e \xff"),  # not UTF-8
        lambda data: data.replace(b"idea", b"tab\there"),
        lambda data: data.replace(b"idea", b'a, "b", \'c\', "d'),
        lambda data: data.replace(b"idea", b"nu\0l \x1b[31m"),
        lambda data: data.replace(b"\tdiscard\t", b"\tDISCARD\t"),
    ],
    ids=[
        "headless",
        "crlf",
        "mixed",
        "mark",
        "unclosed",
        "latin-1",
        "tab",
        "quotes",
        "control",
        "capitals",
    ],
)
def test_odd_files_come_out_as_they_went_in(sandbox: Sandbox, change: object) -> None:
    assert callable(change)
    data = change(ledger(sandbox, 2, 2, 1).encode())
    (sandbox.folder / "results.tsv").write_bytes(data)
    (facts,) = sandbox.records("import", "results.tsv")
    assert (facts["rows"], facts["matched"], facts["refused"]) == (6, 3, 0)
    sandbox.ok("export", "-o", "out.tsv")
    assert (sandbox.folder / "out.tsv").read_bytes() == data


def test_hashes_that_are_doubtful(sandbox: Sandbox) -> None:
    head = ledger(sandbox, 1, 0, 0).splitlines()[0]
    oid = sandbox.git("rev-parse", "HEAD")
    rows = [
        "baseline\t1.0\t1.0\tkeep\tbaseline",  # no hash: what the first experiment started from
        f"{oid[:7]}\t0.99\t1.0\tkeep\tidea",
        f"{oid[:9]}\t0.98\t1.0\tkeep\tidea",  # the same again: a second run of it
        f"{oid[:7]}\t0.97\t1.0\tdiscard\tanother idea",  # the hash of something else
        "HEAD\t0.97\t1.0\tdiscard\tno hash",
    ]
    (sandbox.folder / "results.tsv").write_text("\n".join([head, *rows]) + "\n")
    (facts,) = sandbox.records("import", "results.tsv")
    assert (facts["matched"], facts["orphaned"]) == (3, 2)
    assert "row 3's commit already" in facts["orphans"][0]["reason"]
    found = {e["commit"]: e for e in sandbox.records("log")}
    assert len(found[oid]["runs"]) == 2
    assert found[oid]["review"]["value"] == pytest.approx(0.985)
    first = sandbox.git("rev-parse", "HEAD~1")
    assert found[first]["plan"]["emitter"] == "baseline"
    assert sandbox.ok("export").splitlines()[1:] == rows


def test_an_ambiguous_hash_is_an_orphan_that_says_so(sandbox: Sandbox) -> None:
    sandbox.commit()
    tree, seen = sandbox.git("rev-parse", "HEAD^{tree}"), {}
    for k in range(5000):  # until two commits share their first four digits
        text = f"tree {tree}\nauthor A <a@b> {k} +0000\ncommitter A <a@b> {k} +0000\n\nx\n"
        short = hashlib.sha1(f"commit {len(text)}\0{text}".encode()).hexdigest()[:4]
        if short in seen:
            break
        seen[short] = text
    for commit in (seen[short], text):
        sandbox.git("hash-object", "-t", "commit", "-w", "--stdin", input=commit)
    (sandbox.folder / "x.tsv").write_text(f"{short}\t0.9\t1.0\tdiscard\tidea\n")
    (facts,) = sandbox.records("import", "x.tsv")
    assert facts["orphans"] == [{"row": 1, "reason": f"{short} is ambiguous in this repository"}]


def test_another_metric_and_the_hash_that_a_discard_went_back_to(sandbox: Sandbox) -> None:
    oid = sandbox.commit()
    rows = [
        "__baseline__\t343.8\tkeep\tmeasured",
        f"{oid[:7]}\t321.1\tdiscard\tmore features",  # written before the row that owns it
        f"{oid[:7]}\t285.8\tkeep\tlogarithm of the target",
        f"{oid[:7]}\t313.5\tdiscard\tone feature",
    ]
    text = "\n".join(["commit\tval_rmse\tstatus\tdescription", *rows]) + "\n"
    (sandbox.folder / "results.tsv").write_text(text)
    (facts,) = sandbox.records("import", "results.tsv")
    assert (facts["matched"], facts["orphaned"], facts["refused"]) == (1, 3, 0)
    found = sandbox.records("log")
    assert {e["review"]["metric"] for e in found} == {"val_rmse"}
    (kept,) = [e for e in found if e["commit"] == oid]
    assert kept["plan"]["change"] == "logarithm of the target"
    assert found[0]["plan"]["emitter"] == "baseline"
    assert sandbox.ok("export") == text


def test_times_are_those_of_the_ledger_and_none_of_the_future(sandbox: Sandbox) -> None:
    oid = sandbox.commit()
    rows = [
        {"metric": 3, "status": "discard", "description": "past", "timestamp": 1773348490227},
        {"metric": 2, "status": "discard", "description": "iso", "timestamp": "2026-03-13T00:00Z"},
        {"metric": 1, "status": "discard", "description": "future", "timestamp": 9e12},
        {"metric": 1, "status": "keep", "description": "of the commit", "commit": oid[:8]},
    ]
    (sandbox.folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    sandbox.ok("import", "x.jsonl")
    times = [line.split("\t")[1] for line in sandbox.ok("log", "--tsv").splitlines()[1:]]
    assert times[:2] == ["2026-03-12T20:48:10+00:00", "2026-03-13T00:00:00+00:00"]
    assert times[3] == sandbox.git("log", "-1", "--format=%cd", "--date=format:%FT%T+00:00")
    assert max(times) <= datetime.now(timezone.utc).isoformat()
    assert len(sandbox.records("log", "--since", "2026-03-12T21:00")) == 3


def test_json_lines_in_segments(sandbox: Sandbox) -> None:
    oid = sandbox.commit()
    lines = [
        {"type": "config", "name": "parser", "metricName": "total_us", "bestDirection": "lower"},
        {"run": 1, "commit": oid[:7], "metric": 100, "status": "keep", "description": "baseline"},
        {"run": 2, "metric": 80, "status": "discard", "description": "x", "timestamp": 9e12},
        {"type": "config", "metricName": "score", "bestDirection": "higher"},
        {"run": 3, "metric": 0.5, "status": "keep", "asi": {"hypothesis": "why"}},
        {"run": 4, "metric": None, "status": "crash", "description": "boom"},
        "neither",
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (sandbox.folder / "autoresearch.jsonl").write_text(text)
    one, two = sandbox.records("import", "autoresearch.jsonl")
    assert one["class"] != two["class"]
    assert (one["matched"], one["orphaned"], two["orphaned"], two["refused"]) == (1, 1, 2, 1)
    found = sandbox.records("log")
    assert [e["review"].get("minimize", True) for e in found] == [True, True, False, False]
    assert found[2]["plan"]["hypothesis"] == "why"


def test_the_forks_discovery_state(sandbox: Sandbox) -> None:
    oid = sandbox.commit()
    folder = sandbox.folder / "results" / "discovery"
    folder.mkdir(parents=True)
    record = {
        "experiment_id": "exp-1",
        "timestamp": "2026-04-05T10:00:00",
        "commit": oid[:7],
        "description": "halve the batch",
        "status": "keep",
        "emitter": "optimizer_hacker",
        "phase": "explore",
        "metrics": {"val_bpb": 0.99, "peak_vram_mb": 45000.0, "num_steps": None},
    }
    (folder / "state.json").write_text(json.dumps({"recent": [record], "best_commit": oid}))
    event = {"type": "experiment", "record": record | {"experiment_id": "exp-2", "commit": None}}
    (folder / "events.jsonl").write_text(json.dumps(event) + "\n{broken\n")
    (facts,) = sandbox.records("import", "results/discovery")
    assert (facts["matched"], facts["orphaned"], facts["refused"]) == (1, 1, 1)
    found = sandbox.records("log")
    assert [e["plan"]["emitter"] for e in found] == ["optimizer_hacker"] * 2
    assert found[0]["runs"][0]["metrics"]["peak_vram_mb"] == 45000.0


def test_a_csv_with_a_mapping(sandbox: Sandbox) -> None:
    sandbox.commit()
    text = 'sha,acc,verdict,what\n,0.7,kept,"a, b"\n,0.8,kept,c\n'
    (sandbox.folder / "runs.csv").write_text(text)
    flags = ("--map", "value=acc", "--map", "description=what", "--maximize")
    (facts,) = sandbox.records("import", "runs.csv", *flags)
    assert facts["orphaned"] == 2
    found = sandbox.records("log")
    assert [e["review"]["metric"] for e in found] == ["acc", "acc"]
    assert found[0]["plan"]["change"] == "a, b"
    wrong = sandbox.ar("import", "runs.csv", "--map", "value=nope")
    assert (wrong.returncode, "no such column" in wrong.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("big.tsv", b"abc1234\t0.9\t1.0\tdiscard\tx\n"),
        ("big.jsonl", b'{"metric":1,"status":"discard"}\n'),
        ("events.jsonl", b"{}\n"),
    ],
)
def test_a_million_rows_are_refused_at_once(sandbox: Sandbox, name: str, line: bytes) -> None:
    sandbox.commit()
    (sandbox.folder / name).write_bytes(line * 1_000_000)
    done = sandbox.ar("import", name)
    assert done.returncode == 1
    assert "1,000,000 lines" in done.stderr
    assert "head -n 20000" in done.stderr


def test_what_is_no_ledger(sandbox: Sandbox) -> None:
    sandbox.commit()
    (sandbox.folder / "x.tsv").write_text("hello\tworld\n")
    (sandbox.folder / "empty.tsv").write_text("")
    for name in ("x.tsv", "empty.tsv", "missing.tsv", "HEAD:missing.tsv"):
        done = sandbox.ar("import", name)
        assert done.returncode == 1, done.stderr
        assert "bug" not in done.stderr


def test_own_runs_become_the_five_columns(sandbox: Sandbox) -> None:
    sandbox.research()
    sandbox.ok("loop", "--runs", "2", "--seed", "1")
    head, *rows = sandbox.ok("export").splitlines()
    assert head == "commit\tval_bpb\tmemory_gb\tstatus\tdescription"
    assert rows[0].split("\t")[2:4] == ["0.1", "keep"]
    (sandbox.folder / "again.tsv").write_text("\n".join([head, *rows]) + "\n")
    copy = Path(sandbox.folder.parent / "copy")
    sandbox.git("clone", "-q", ".", str(copy))
    done = sandbox.ar("import", str(sandbox.folder / "again.tsv"), cwd=copy)
    assert done.returncode == 0, done.stderr
