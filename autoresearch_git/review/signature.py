"""The signature of a crash: equal for one cause in many runs, different for different bugs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autoresearch_git.clean import clean

LIMIT = 200
FRAME = re.compile(
    r'^ +File "(?P<path>[^"\n]+)", line \d+(?:, in (?P<name>.+))?\n(?: +(?P<code>.*))?', re.M
)
RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$", re.M)
FOREIGN = re.compile(r"site-packages|dist-packages|/lib/python3|^<")

_SIZE = r"#(?: ?(?:[KMGT]i?B|bytes|[mnu]?s)\b)*"
VOLATILE = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b0x[0-9a-fA-F]+\b"), "<addr>"),
    (re.compile(r"(?<![\w.#>])(?:[A-Za-z]:)?(?:\.{0,2}/|~/)[^\s'\":,()]+"), "<path>"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{7,64}\b"), "<id>"),
    (re.compile(r"(?<![A-Za-z_])[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"), "#"),
    (re.compile(r"\b(?:nan|inf)\b", re.I), "#"),
    (re.compile(rf"{_SIZE}(?:\s*[,x]\s*{_SIZE})*(?:,(?=[)\]]))?"), "#"),  # shapes of any rank
)


def normalize(text: str) -> str:
    """The text without numbers, addresses, paths and shapes, on one line; a fixed point."""
    text, before = clean(text, 400), ""
    while text != before:  # each round leaves fewer characters that are in no mark
        before = text
        for pattern, mark in VOLATILE:
            text = pattern.sub(mark, text)
    return text


def signature(trace: str, targets: Sequence[str] = ()) -> str:
    """`Type @ file:function "code": message` of a Python traceback; "" if there is none.

    The frame is the innermost one of the target files; without targets, the innermost one that
    is not in an installed package.
    """
    raised = _raised(trace)
    if raised is None:
        return ""
    kind, message = raised
    parts = [kind.rsplit(".", 1)[-1]]
    frame = _frame(trace, targets)
    if frame:
        parts.append(f"@ {frame}")
    said = normalize(message)
    return clean(" ".join(parts) + (f": {said}" if said else ""), LIMIT)


def _raised(trace: str) -> tuple[str, str] | None:
    """Type and first message line of the exception that ended the trace."""
    frames = list(FRAME.finditer(trace))
    after = trace[frames[-1].end() :] if frames else trace
    found = RAISED.search(after)
    return (found["type"], found["message"] or "") if found else None


def _frame(trace: str, targets: Sequence[str]) -> str:
    names = {target.rsplit("/", 1)[-1] for target in targets}

    def is_ours(path: str) -> bool:
        return path.rsplit("/", 1)[-1] in names if names else not FOREIGN.search(path)

    ours = [frame for frame in FRAME.finditer(trace) if is_ours(frame["path"])]
    if not ours:
        return ""
    frame = ours[-1]
    where = frame["path"].rsplit("/", 1)[-1]
    code = normalize(frame["code"] or "")[:60]
    name = (frame["name"] or "").strip().strip("<>")
    return f"{where}:{name}" + (f' "{code}"' if code else "") if name else where
