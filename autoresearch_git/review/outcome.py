"""What became of a run: ok, a failure of the experiment, or a failure of the machinery."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Sequence

from autoresearch_git.clean import clean
from autoresearch_git.review.log import LogSummary
from autoresearch_git.review.signature import normalize, signature

OOM = re.compile(
    r"\bOutOfMemoryError\b|\bout of memory\b|\bMemoryError\b|can't allocate memory|"
    r"CUBLAS_STATUS_ALLOC_FAILED|std::bad_alloc|\bCannot allocate memory\b",
    re.I,
)
NAN = re.compile(
    r"\bloss (?:is|was|became|=|:)\s*(?:nan|[+-]?inf)|\bnan(?:s)? (?:loss|detected|in)\b|"
    r"non-?finite (?:loss|grad)|\bloss (?:is )?not finite|\bnan or inf\b",
    re.I,
)
# Only what an experiment's own change cannot plausibly cause; looked for at the end of the log.
HARNESS = (
    (re.compile(r"No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]"), "disk full"),
    (
        re.compile(
            r"no CUDA-capable device|No CUDA GPUs are available|Torch not compiled with CUDA|"
            r"CUDA driver version is insufficient|NVIDIA driver (?:on your|is too old)|"
            r"NVML.{0,40}mismatch|"
            r"Found no NVIDIA driver|device\(s\) is/are busy|uncorrectable ECC|GPU is lost|"
            r"fallen off the bus|CUDA error: (?:unknown error|system not yet initialized)"
        ),
        "no usable GPU",
    ),
    (
        re.compile(
            r"[Ff]ailed to (?:fetch|download)|error sending request|Could not resolve host|"
            r"Temporary failure in name resolution|[Ii]mage build .{0,40}failed|"
            r"Connection (?:refused|reset by peer|timed out)"
        ),
        "transport",
    ),
    (re.compile(r"(?:uv|python3?|command): (?:command )?not found"), "command not found"),
)


def judge_run(
    summary: LogSummary,
    exit: int | None,
    timed_out: bool,
    killed: bool,
    harness: str,
    targets: Sequence[str] = (),
) -> tuple[str, str, str]:
    """(outcome, signature of a crash, one line for people). Outcomes are those of records.

    `harness` is what the runner itself knows to have failed, "" if nothing. A value counts only
    with exit status 0, so a summary that is followed by a failure is none.
    """
    if harness:
        return "harness", "", clean(harness)
    if timed_out:
        return "timeout", "timeout", "over the outer time limit" + _reached(summary)
    if killed or exit is None:
        return "killed", "", "killed before it ended" + _reached(summary)
    if exit == 0:
        return _clean_exit(summary)
    return _failure(summary, exit, targets)


def _clean_exit(summary: LogSummary) -> tuple[str, str, str]:
    if summary.value is not None and math.isfinite(summary.value):
        return "ok", "", ""
    if "not finite" in summary.trouble:
        return "nan", "nan: metric", summary.trouble
    return "no-metric", f"no-metric: {normalize(summary.trouble)}", summary.trouble


def _failure(summary: LogSummary, exit: int, targets: Sequence[str]) -> tuple[str, str, str]:
    found = signature(summary.trace, targets)
    last = summary.tail.rstrip().rsplit("\n", 1)[-1]
    end = "\n".join(summary.tail.rsplit("\n", 12)[-12:])
    raised = _exception_line(summary.trace) or last
    for pattern, name in HARNESS:
        if pattern.search(raised) or (not summary.trace and pattern.search(end)):
            return "harness", "", f"{name}: {clean(raised)}"
    if exit in (126, 127) and not summary.trace:
        return "harness", "", f"exit status {exit}: {clean(last)}"
    if OOM.search(raised) or (not summary.trace and OOM.search(end)):
        return "oom", "oom" + _place(found), clean(raised)
    if NAN.search(raised) or _diverged(summary, last):
        return "nan", "nan: loss" + _place(found), clean(raised) + _reached(summary)
    number = -exit if exit < 0 else exit - 128 if 128 < exit < 160 else 0
    if number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP) and not found:
        name = signal.Signals(number).name
        return "killed", "", f"ended by {name}, not by git ar" + _reached(summary)
    if number and not found:
        name = _signal_name(number)
        return "crash", f"signal: {name}", f"ended by {name}: {clean(last)}"
    return "crash", found or f"exit {exit}: {normalize(last)}", clean(raised) or f"exit {exit}"


def _diverged(summary: LogSummary, last: str) -> bool:
    """The contract's sign of divergence: FAIL as last word, after NaN or a loss above 100."""
    loss = summary.last.loss if summary.last else None
    lost = loss is not None and (not math.isfinite(loss) or loss > 100)
    return last.strip() == "FAIL" or (lost and not summary.trace)


def _exception_line(trace: str) -> str:
    """The line that names the exception: the first unindented one after the last frame."""
    for line in reversed(re.split(r'(?m)^ +File ".*$', trace)[-1].split("\n")[1:]):
        if re.match(r"[A-Za-z_][\w.]*(?:: |$)", line):
            return line
    return ""


def _place(found: str) -> str:
    return f" {found.split(': ', 1)[0].partition(' ')[2]}" if " @ " in found else ""


def _reached(summary: LogSummary) -> str:
    share = summary.last.share if summary.last else None
    return f" at {share:.0%} of the budget" if share is not None else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
