"""Changes of targets that are not Python: changed `name = value` lines and changed words."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from autoresearch_git.clean import clean
from autoresearch_git.records import Edit

SETTING = re.compile(r"""^\s*["']?([A-Za-z_][\w.-]{0,79})["']?\s*(?::=|[:=])\s*(.+?)[\s,;]*$""")
NAME = re.compile(r"[A-Za-z_]\w*")
MOST = 2000  # lines; beyond, only the changed settings of both files are compared


def compare(old: str, new: str) -> tuple[list[Edit], list[str]]:
    """(settings that changed, names in the changed lines) of two texts in any language."""
    before, after = old.splitlines(), new.splitlines()
    gone, come = _changed(before, after)
    a, b = _settings(gone), _settings(come)
    edits = [Edit(name=k, old=a[k], new=b[k]) for k in a if k in b and a[k] != b[k]]
    names = [name for line in (*gone, *come) for name in NAME.findall(line[:400])]
    return edits, [edit.name for edit in edits] * 3 + names[:200]


def _changed(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    if max(len(before), len(after)) > MOST:
        common = set(before) & set(after)
        return (
            [line for line in before if line not in common][:MOST],
            [line for line in after if line not in common][:MOST],
        )
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changed = [code for code in codes if code[0] != "equal"]
    return (
        [line for _, a, b, _, _ in changed for line in before[a:b]],
        [line for _, _, _, c, d in changed for line in after[c:d]],
    )


def _settings(lines: list[str]) -> dict[str, str]:
    found = (SETTING.match(line[:400]) for line in lines)
    return {match[1]: clean(match[2], 80) for match in found if match}
