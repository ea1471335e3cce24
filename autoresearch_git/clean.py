"""Foreign text (logs, commits, other people's notes) made safe to show: data, never markup."""

from __future__ import annotations

import re
import unicodedata

ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: titles, links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # device control and other strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor
    r"|\x1b[ -/]*[0-~]?"  # short escapes, and a lone ESC
)
# Control characters, zero-width and direction marks, separators, surrogates, noncharacters.
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)

_FOR_AGENTS = str.maketrans(
    {'"': "'", "`": "'", "<": "(", ">": ")", "&": "+", "\\": "/", "\u2026": "..."}
)


def clean(text: str, limit: int = 200) -> str:
    """The text on one line, without control characters, at most `limit` characters long."""
    head = text[: 4 * limit + 1000]  # enough for what is shown, however long the text is
    line = " ".join(UNSAFE.sub(" ", ESCAPES.sub("", head)).split())
    if len(line) <= limit and len(head) == len(text):
        return line
    return line[: max(0, limit - 1)].rstrip() + "\u2026"


def clean_lines(data: bytes, limit: int = 4096, width: int = 500) -> str:
    """The end of a log as lines of text: what a terminal would still show, at most `limit` long.

    A line that was rewritten with carriage returns keeps its last version only.
    """
    text = data[-4 * limit :].decode("utf-8", "replace")
    shown = []
    for line in text.split("\n"):
        versions = [part for part in line.split("\r") if part.strip()]
        plain = UNSAFE.sub("", ESCAPES.sub("", versions[-1] if versions else "")).rstrip()
        shown.append(plain if len(plain) <= width else plain[: width - 1] + "\u2026")
    joined = "\n".join(shown).strip("\n")
    if len(joined) <= limit:
        return joined
    cut = joined[-limit:]
    return cut.split("\n", 1)[-1] if "\n" in cut else cut


def quote(text: str, limit: int = 200) -> str:
    """Foreign text as an agent may see it: one quoted, printable ASCII excerpt.

    It cannot end its own quotation, open a tag, or look like anything but data. Angle brackets
    and ampersands go too: Codex turns them into entities, and tags into structure.
    """
    plain = unicodedata.normalize("NFKD", clean(text, 4 * limit)).translate(_FOR_AGENTS)
    ascii_only = "".join(
        c if " " <= c <= "~" else "?" for c in plain if not unicodedata.combining(c)
    )
    short = ascii_only if len(ascii_only) <= limit else ascii_only[: limit - 3].rstrip() + "..."
    return f'"{short}"'
