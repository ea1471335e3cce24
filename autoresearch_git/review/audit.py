"""Integrity of one run: does what was measured around it fit the number that it printed?

A pure function of facts that the runner hands over. A violation makes the verdict "invalid"; a
warning is shown. What is not known is not checked, and the result says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoresearch_git.clean import clean
from autoresearch_git.history import History
from autoresearch_git.records import Run

BPB = (0.3, 20.0)  # bits a byte that a model of text can have: beyond, the number is wrong
LEAP = 0.40  # share of the bits a byte that no one change of a model takes off
SHORT = 0.5  # share of the time budget below which a run did not train as the contract says
LONG = 1.02  # of the budget; the step that is under way when time is up comes on top
HIDDEN = 120.0  # seconds outside the training time that start and evaluation may always take
FASTER = 50.0  # times the baseline's tokens a second: not on the same machine
ODD_SPEED = 10.0  # times the baseline's: possible for a far smaller model, so only a warning
FEWER = 0.99  # share of the contract's evaluation tokens
GAP = 0.60  # validation over training loss, against the baseline's: below, validation leaked
GAIN = 0.10  # unless the value is no better: auxiliary losses raise the training loss alone
NEEDED = ("training_seconds", "total_seconds", "num_steps", "total_tokens_M")  # by other checks


# Facts that are taken from Run.checks as they are.
PASSED = (
    *("report", "reports", "protected", "found", "changed", "targets", "command", "ran"),
    *("outside", "repository", "mentions"),
)


@dataclass(frozen=True)
class Facts:
    """What a runner knows of one run. None or empty: not known, so not checked."""

    metric: str
    value: float | None
    metrics: Mapping[str, float] = field(default_factory=dict)  # of the summary block
    wall: float = 0.0  # seconds of the command
    budget: float | None = None  # seconds of training that the contract allows
    curve: Sequence[tuple[float, float]] = ()  # (share, training loss in nats a token)
    minimize: bool = True
    report: Mapping[str, Any] | None = None  # private channel: value, tokens, bytes, holdout
    reports: int = 1  # lines that came over it
    reporting: bool = False  # the protected file supports the channel, so silence is a sign
    protected: Mapping[str, str] = field(default_factory=dict)  # path -> hash in the contract
    found: Mapping[str, str] | None = None  # path -> hash after the run
    changed: Sequence[str] = ()  # paths that differ from the contract commit
    targets: Sequence[str] | None = None  # the paths that may
    command: str = ""  # the contract's
    ran: str = ""  # what was executed
    outside: Sequence[str] | None = None  # paths written outside the checkout
    repository: Sequence[str] = ()  # of the user's files, what changed meanwhile
    hardware: Mapping[str, Any] = field(default_factory=dict)
    mentions: int = 1  # lines of the log that begin with the metric's name
    level: float | None = None  # the value that it started from; None: the baseline's
    baseline: Run | None = None  # a trusted run of the untouched files in the same class


@dataclass(frozen=True)
class Audit:
    """What was checked, what is broken, and what is only odd."""

    checks: dict[str, str]  # name -> "ok", "not checked", or what was found
    violations: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def audit(facts: Facts) -> Audit:
    """Run every check on one finished run; never raises on odd values."""
    checks: dict[str, str] = {}
    violations, warnings = [], []
    for name, check in CHECKS.items():
        found = check(facts)
        checks[name] = "not checked" if found is None else clean(found.lstrip("?"), 160) or "ok"
        if found and found.startswith("?"):
            warnings.append(f"{name}: {checks[name]}")
        elif found:
            violations.append(f"{name}: {checks[name]}")
    return Audit(checks, tuple(violations), tuple(warnings))


def recorded(run: Run, history: History) -> Audit:
    """The audit of a run from what its record holds; checks that the runner made are kept.

    Keys of Run.checks that are used where present: report, reports, protected and found (path ->
    hash), changed, targets, command, ran, outside, repository, sandbox, budget, mentions,
    violations, warnings.
    """
    told, base = run.checks, _trusted(history)
    if base is not None and base.run == run.run:
        base = None
    budget = told.get("budget") or (base.metrics.get("training_seconds") if base else None)
    tip = history.incumbent
    known = {name: told[name] for name in PASSED if told.get(name) is not None}
    if told.get("sandbox") is True:
        known.setdefault("outside", ())  # nothing else was writable
    made = audit(
        Facts(
            metric=history.metric,
            value=run.value,
            metrics=run.metrics,
            wall=run.seconds,
            budget=budget,
            curve=run.curve,
            minimize=history.minimize,
            reporting=bool(base and base.checks.get("report") and not run.cached),
            hardware=run.hardware,
            level=tip.value if tip else None,
            baseline=base,
            **known,
        )
    )
    return Audit(
        made.checks,
        tuple(dict.fromkeys([*_texts(told.get("violations")), *made.violations])),
        tuple(dict.fromkeys([*_texts(told.get("warnings")), *made.warnings])),
    )


def _trusted(history: History) -> Run | None:
    runs = history.baseline.runs if history.baseline else ()
    return next((run for run in runs if run.outcome == "ok"), None)


def _texts(told: object) -> list[str]:
    return [clean(str(text)) for text in told] if isinstance(told, (list, tuple)) else []


# Each check gives None (not known), "" (fine), what is broken, or with a leading "?" what is odd.
Check = Callable[[Facts], "str | None"]


def _protected(facts: Facts) -> str | None:
    if facts.found is None or not facts.protected:
        return None
    found = facts.found
    bad = [path for path, digest in facts.protected.items() if found.get(path) != digest]
    return f"{', '.join(bad)} is not the contract's" if bad else ""


def _targets(facts: Facts) -> str | None:
    if facts.targets is None:
        return None
    extra = sorted(set(facts.changed) - set(facts.targets))
    return f"changes {', '.join(extra[:5])} beside the target" if extra else ""


def _command(facts: Facts) -> str | None:
    if not facts.command or not facts.ran:
        return None
    return "" if facts.command == facts.ran else f"ran {facts.ran!r}, not {facts.command!r}"


def _outside(facts: Facts) -> str | None:
    if facts.repository:  # a person may have edited these files while it ran
        return f"?{', '.join(facts.repository[:3])} in the repository changed while it ran"
    if facts.outside is None:
        return None
    return f"wrote {', '.join(facts.outside[:3])} outside the checkout" if facts.outside else ""


def _data(facts: Facts) -> str | None:
    here = facts.hardware.get("data")
    there = facts.baseline.hardware.get("data") if facts.baseline else None
    if not here or not there:
        return None
    return "" if here == there else "not the data that the baseline was trained on"


def _value(facts: Facts) -> str | None:
    value = facts.value
    if value is None:
        return None
    if not math.isfinite(value):
        return f"{facts.metric} is not finite"
    if not facts.metric.endswith("bpb"):
        return ""
    if not BPB[0] <= value <= BPB[1]:
        return f"{value:.6g} bits a byte is impossible for text"
    level = _level(facts)
    if level and facts.minimize and value < (1 - LEAP) * level:
        return f"{value:.6g} takes {1 - value / level:.0%} off {level:.6g} in one step"
    return ""


def _report(facts: Facts) -> str | None:
    report = facts.report
    if report is None:
        if not facts.reporting:
            return None
        return "the protected evaluation did not run, or was replaced"
    told = report.get("value")
    if not isinstance(told, (int, float)) or facts.value is None:
        return "the private channel holds no number"
    if not math.isclose(told, facts.value, rel_tol=1e-6, abs_tol=1.001e-6):
        return f"the evaluation gave {told:.6g}, the log says {facts.value:.6g}"
    return f"?{facts.reports} evaluations were reported" if facts.reports > 1 else ""


def _evaluation(facts: Facts) -> str | None:
    before = facts.baseline.checks.get("report") if facts.baseline else None
    if facts.report is None or not isinstance(before, Mapping):
        return None
    for unit in ("tokens", "bytes"):
        here, there = facts.report.get(unit), before.get(unit)
        if not isinstance(there, (int, float)) or there <= 0:
            continue
        if not isinstance(here, (int, float)) or here < FEWER * there:
            return f"evaluated on {here} {unit}, the contract says {there}"
        if here > there / FEWER:
            return f"evaluated on {here} {unit}, more than the contract's {there}"
    return ""


def _summary(facts: Facts) -> str | None:
    if facts.baseline is None:
        return None
    missing = sorted(set(facts.baseline.metrics) - set(facts.metrics))
    said = f"the summary lacks {', '.join(missing[:5])}" if missing else ""
    return said if set(missing) & set(NEEDED) or not said else f"?{said}"


def _once(facts: Facts) -> str | None:
    if facts.mentions <= 1:
        return ""
    return f"?the log has {facts.mentions} lines that begin with {facts.metric}"


def _time(facts: Facts) -> str | None:
    trained, budget = facts.metrics.get("training_seconds"), facts.budget
    if trained is None or not budget:
        return None
    step = trained / max(1.0, facts.metrics.get("num_steps", 1.0))
    if trained > LONG * budget + 2 * min(step, budget / 4) + 0.1:
        return f"trained {trained:g} s of {budget:g} s"
    if trained < SHORT * budget:
        return f"trained only {trained:g} s of {budget:g} s"
    return ""


def _wall(facts: Facts) -> str | None:
    trained = facts.metrics.get("training_seconds")
    if facts.wall <= 0 or trained is None:
        return None
    if max(trained, facts.metrics.get("total_seconds", 0.0)) > facts.wall + 1:
        return f"says more seconds than the {facts.wall:.1f} s that the command took"
    base = facts.baseline
    usual = max(0.0, base.seconds - base.metrics.get("training_seconds", 0.0)) if base else 0.0
    spare = max(HIDDEN, (facts.budget or 0.0) / 2) + 2 * usual
    if facts.wall - trained > spare:
        return f"{facts.wall - trained:.0f} s were spent outside the training time"
    return ""


def _work(facts: Facts) -> str | None:
    steps, tokens = facts.metrics.get("num_steps"), facts.metrics.get("total_tokens_M")
    if steps is None and tokens is None:
        return None
    if (steps is not None and steps < 1) or (tokens is not None and tokens <= 0):
        return "no steps or tokens were trained on"
    if facts.metrics.get("mfu_percent", 0.0) > 100:
        return f"{facts.metrics['mfu_percent']:g}% of the peak FLOP/s"
    base = facts.baseline.metrics if facts.baseline else {}
    here, there = _rate(facts.metrics), _rate(base)
    if not there or here <= ODD_SPEED * there:
        return ""
    said = f"{here:.3g} tokens a second, {here / there:.0f} times the baseline's"
    return said if here > FASTER * there else f"?{said}"


def _leak(facts: Facts) -> str | None:
    """Validation far below training loss, measured against the same ratio of the baseline."""
    base = facts.baseline
    if not base or not base.value or not facts.value or not base.curve or not facts.curve:
        return None
    if not facts.metric.endswith("bpb") or min(base.curve[-1][1], facts.curve[-1][1]) <= 0:
        return None
    relative = (facts.value / facts.curve[-1][1]) / (base.value / base.curve[-1][1])
    said = f"validation over training loss is {relative:.2f} of the baseline's"
    better = facts.value < (1 - GAIN) * (_level(facts) or facts.value)
    return said if relative < GAP and better else f"?{said}" if relative < 0.85 else ""


def _holdout(facts: Facts) -> str | None:
    """The gap to a split that the proposer never sees, against the baseline's gap."""
    base = facts.baseline
    here = _gap(facts.report, facts.value)
    there = _gap(base.checks.get("report"), base.value) if base else None
    if here is None or there is None or facts.value is None:
        return None
    gap = here - there
    gap = gap if facts.minimize else -gap
    if gap > 0.02 * abs(facts.value):
        return f"{gap:.6g} worse on the hold-out than its value promises"
    return f"?{gap:.6g} worse on the hold-out" if gap > 0.005 * abs(facts.value) else ""


def _gap(report: object, value: float | None) -> float | None:
    told = report.get("holdout") if isinstance(report, Mapping) else None
    return told - value if isinstance(told, (int, float)) and value is not None else None


def _level(facts: Facts) -> float | None:
    return facts.level or (facts.baseline.value if facts.baseline else None)


def _rate(metrics: Mapping[str, float]) -> float:
    seconds = metrics.get("training_seconds", 0.0)
    return 1e6 * metrics.get("total_tokens_M", 0.0) / seconds if seconds > 0 else 0.0


CHECKS: dict[str, Check] = {
    "protected files": _protected,
    "changed files": _targets,
    "command": _command,
    "writes": _outside,
    "data": _data,
    "value": _value,
    "private channel": _report,
    "evaluation": _evaluation,
    "summary": _summary,
    "printed once": _once,
    "training time": _time,
    "wall time": _wall,
    "work done": _work,
    "leak": _leak,
    "hold-out": _holdout,
}
