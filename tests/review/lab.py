"""Small makers for review tests: runs, experiments and histories of one class."""

from __future__ import annotations

import io
import json
from pathlib import Path

import msgspec

from autoresearch_git.history import History
from autoresearch_git.records import Experiment, Plan, Run
from autoresearch_git.review.audit import Audit, Facts, audit
from autoresearch_git.review.change import Change
from autoresearch_git.review.judge import judge
from autoresearch_git.review.log import LogSummary, read_log
from autoresearch_git.review.outcome import judge_run

LOGS = Path(__file__).resolve().parents[1] / "data" / "logs"
METRICS = {
    "training_seconds": 300.1,
    "total_seconds": 337.0,
    "peak_vram_mb": 45060.2,
    "mfu_percent": 39.8,
    "total_tokens_M": 499.6,
    "num_steps": 953.0,
    "num_params_M": 50.3,
    "depth": 8.0,
}
REPORT = {"value": 0.9979, "tokens": 20971520, "bytes": 98000000}
TUNED = Change(
    category="optimizer", size={"hunks": 1, "added": 1, "removed": 1, "nodes": 0}, votes={}
)


def run(name: str, value: float | None, outcome: str = "ok", **more) -> Run:
    """A run of the class; its private channel says what its log says, unless `checks` differ."""
    checks = {} if value is None else {"report": {**REPORT, "value": value}}
    checks |= more.pop("checks", {})
    fields = {"metrics": METRICS, "seconds": 345.0, "seed": 42} | more
    return Run(run=name, outcome=outcome, klass="c", value=value, checks=checks, **fields)


def experiment(commit: str, *runs: Run, parent: str = "base", **more) -> Experiment:
    plan = Plan(emitter="local_tuner", phase="explore", change="LR 0.04 -> 0.03", parent=parent)
    return Experiment(commit=commit, plan=plan, runs=runs, **more)


def history(base: Experiment | None = None, *others: Experiment, **more) -> History:
    recent = (base, *others) if base else ()
    fields = {"baseline": base, "incumbent": base, "best": base, "recent": recent} | more
    return History(klass="c", contract="c", metric="val_bpb", minimize=True, sigma=0.0003, **fields)


def baseline(value: float = 0.9990, **more) -> Experiment:
    """A reviewed baseline of the class."""
    fields = {
        "checks": {"report": {**REPORT, "value": value, "holdout": value + 0.0005}},
        "curve": ((0.5, 4.0), (1.0, 3.2)),
        "hardware": {"data": "abcd"},
    }
    metrics = {"metrics": {**METRICS, **more}}
    base = experiment("base", run("r0", value, **(fields | metrics)), parent="")
    return msgspec.structs.replace(base, review=judge(base, Change(), history()))


def cases() -> list[dict]:
    return json.loads((LOGS / "cases.json").read_text())


def read(name: str) -> LogSummary:
    with (LOGS / f"{name}.log").open("rb") as stream:
        return read_log(stream, "val_bpb")


def text(data: bytes) -> LogSummary:
    return read_log(io.BytesIO(data), "val_bpb")


def measured(case: dict) -> tuple[LogSummary, Run, Audit, Experiment]:
    """A case of the corpus taken through log, outcome and audit, as a runner would."""
    told = dict(case.get("facts", {}))
    base = baseline(told.pop("baseline_value", 0.9990))
    summary = read(case["name"])
    outcome, signature, detail = judge_run(
        summary,
        case["exit"],
        case.get("timed_out", False),
        case.get("killed", False),
        case.get("harness", ""),
        ("train.py",),
    )
    value = summary.value if outcome == "ok" else None
    digests = {"prepare.py": "a" * 40}
    fields = {
        "metric": "val_bpb",
        "value": value,
        "metrics": dict(summary.metrics),
        "wall": 345.0,
        "budget": 300.0,
        "curve": summary.curve,
        "report": {**REPORT, **told.pop("told", {})},
        "reporting": True,
        "protected": digests,
        "found": digests,
        "changed": ["train.py"],
        "targets": ["train.py"],
        "command": "uv run train.py",
        "ran": "uv run train.py",
        "outside": (),
        "hardware": {"data": "abcd"},
        "mentions": summary.mentions,
        "baseline": base.runs[0],
    }
    checked = audit(Facts(**(fields | told))) if outcome == "ok" else Audit({})
    done = run(
        "r1",
        value,
        outcome,
        metrics=summary.metrics,
        exit=case["exit"],
        signature=signature,
        detail=detail,
        curve=summary.curve,
        checks={"violations": list(checked.violations), "warnings": list(checked.warnings)},
    )
    return summary, done, checked, base
