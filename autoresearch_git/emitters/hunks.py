"""Hunks: taking one piece of an old change out of a newer file."""

from __future__ import annotations

from difflib import SequenceMatcher

from autoresearch_git.emitters.base import Files


def reverts(before: Files, after: Files, now: Files) -> list[tuple[dict[str, str], str]]:
    """Each hunk of before -> after undone in `now`, where its lines still stand exactly once.

    Returns (files, name of the hunk); hunks that `now` has changed further are left out.
    """
    result = []
    for path in sorted(set(before) & set(after) & set(now)):
        old, new = before[path].splitlines(True), after[path].splitlines(True)
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "equal":
                continue
            text = _undo(now[path], old, new, (i1, i2, j1, j2))
            if text is not None and text != now[path]:
                result.append(({**now, path: text}, _name(old[i1:i2], new[j1:j2])))
    return result


def _undo(text: str, old: list[str], new: list[str], at: tuple[int, int, int, int]) -> str | None:
    """Replace the hunk's new lines by its old ones; a line of context makes the place unique."""
    i1, i2, j1, j2 = at
    for context in (0, 1, 3):
        before, after = new[max(0, j1 - context) : j1], new[j2 : j2 + context]
        there = "".join(before + new[j1:j2] + after)
        if there and _lines(text, there) == 1:
            place = "\n" + text
            swapped = "".join(before + old[i1:i2] + after)
            return place.replace("\n" + there, "\n" + swapped, 1)[1:]
    return None


def _lines(text: str, block: str) -> int:
    """How often the block of whole lines occurs in the text."""
    return ("\n" + text).count("\n" + block)


def _name(old: list[str], new: list[str]) -> str:
    line = next((line for line in (*new, *old) if line.strip()), "an empty line")
    return f"`{line.strip()[:60]}`"
