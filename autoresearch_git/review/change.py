"""What kind of change an experiment made: category, size and knobs, from the syntax trees."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from autoresearch_git.clean import clean
from autoresearch_git.records import Edit
from autoresearch_git.review import lexicon, plaintext, syntax
from autoresearch_git.review.syntax import Touch

NONE, REPLICATE, SIMPLIFICATION = "none", "replicate", "simplification"
PLAIN = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.keyword)
MOST = 32  # knobs and places that are named; beyond, only counted
Files = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """The difference between an experiment's target files and its parent's."""

    category: str = NONE  # of lexicon.CATEGORIES, or "other", "none", "replicate" (seed only)
    size: dict[str, int] = field(default_factory=dict)  # hunks, added, removed (lines), nodes (net)
    edits: tuple[Edit, ...] = ()  # knobs: "MATRIX_LR", "GPTConfig.n_layer", "setup.AdamW.betas"
    hunks: tuple[str, ...] = ()  # qualified names of what changed
    summary: str = ""  # one line
    votes: dict[str, float] = field(default_factory=dict)  # weight of each category, sums to 1


def classify(old: Files, new: Files) -> Change:
    """Compare target files (path -> text). Files that are no valid Python are compared as text."""
    touched: list[Touch] = []
    words: list[str] = []
    edits: list[Edit] = []
    size: Counter[str] = Counter(hunks=0, added=0, removed=0, nodes=0)
    for path in sorted({*old, *new}):
        before, after = old.get(path, ""), new.get(path, "")
        if before == after:
            continue
        size.update(_lines(before, after))
        found = _python(before, after) if path.endswith(".py") else None
        if found is None:
            more, names = plaintext.compare(before, after)
            edits += more
            words += names
        else:
            touched += found
            edits += _edits(found)
    size["nodes"] = sum(syntax.size(t.new) - syntax.size(t.old) for t in touched)
    votes = _votes(touched, words)
    if touched and set(votes) <= {lexicon.OTHER}:
        votes = _usage(touched, new) or votes
    category = _category(touched, votes)
    if not votes and words:
        category = lexicon.OTHER
    hunks = tuple(dict.fromkeys([*map(_place, touched), *words[:8]]))
    return Change(
        category=category,
        size=dict(size),
        edits=tuple(edits[:MOST]),
        hunks=hunks[:MOST],
        summary=_summary(category, edits, hunks, size),
        votes=votes,
    )


def _python(old: str, new: str) -> list[Touch] | None:
    try:
        return syntax.touches(old, new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # a source that Python itself cannot read


def _lines(old: str, new: str) -> dict[str, int]:
    """Changed lines and hunks; the common ends are cut off first, which makes it cheap."""
    before, after = old.splitlines(), new.splitlines()
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if len(before) * len(after) > 4_000_000:  # a rewritten file: one hunk, without a matching
        return {"hunks": 1, "added": len(after), "removed": len(before)}
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changed = [code for code in codes if code[0] != "equal"]
    return {
        "hunks": len(changed),
        "added": sum(code[4] - code[3] for code in changed),
        "removed": sum(code[2] - code[1] for code in changed),
    }


def _edits(touched: Sequence[Touch]) -> list[Edit]:
    """Knobs: places where one literal (or expression) took another's place."""
    edits = []
    for touch in touched:
        if isinstance(touch.old, ast.expr) and isinstance(touch.new, ast.expr) and touch.path:
            old, new = clean(ast.unparse(touch.old), 80), clean(ast.unparse(touch.new), 80)
            edits.append(Edit(name=".".join(touch.path), old=old, new=new))
    return edits


def _votes(touched: Sequence[Touch], words: Sequence[str]) -> dict[str, float]:
    """Each changed place has one vote, split over the names that it concerns, nearest first."""
    votes: defaultdict[str, float] = defaultdict(float)
    for touch in touched:
        share: defaultdict[str, float] = defaultdict(float)
        for rank, name in enumerate(_order(touch)):
            for kind, weight in lexicon.kinds(name).items():
                share[kind] += weight / (1 + rank)
        total = sum(share.values())
        worth = min(4.0, 1 + max(syntax.size(touch.old), syntax.size(touch.new)) / 20)
        for kind, weight in share.items():
            votes[kind] += worth * weight / total
        if not share:
            votes[lexicon.OTHER] += worth / 4  # what says nothing does not outvote what does
    for name in words:
        for kind, weight in lexicon.kinds(name).items():
            votes[kind] += weight
    total = sum(votes.values())
    ranked = sorted(votes.items(), key=lambda vote: -vote[1])
    return {kind: round(weight / total, 3) for kind, weight in ranked} if total else {}


def _order(touch: Touch) -> list[str]:
    """Names from near to far. A changed literal is named by its keyword or target."""
    names = list(touch.names)
    literal = isinstance(touch.new, ast.Constant) or isinstance(touch.old, ast.Constant)
    near = [name for name in reversed(touch.path) if name in names] if literal else []
    dotted = [part for name in (*near, *names) for part in reversed(name.split("."))]
    return [name for name in dict.fromkeys(dotted) if name != "self"][:24]


def _usage(touched: Sequence[Touch], files: Files) -> dict[str, float]:
    """Votes for constants whose names say nothing, from the statements that use them."""
    names = {t.path[-1] for t in touched if len(t.path) == 1}
    found = []
    for path, text in files.items():
        try:
            tree = ast.parse(text) if names and path.endswith(".py") else None
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, PLAIN) and names & set(syntax.mentioned(node)):
                target = syntax.assigned(node)
                if target not in names:
                    near = tuple(syntax.mentioned(node))
                    found.append(Touch((target,) if target else (), (target, *near), None, None))
    return _votes(found, ())


def _category(touched: Sequence[Touch], votes: Mapping[str, float]) -> str:
    if not votes:
        return NONE
    if touched and all(_is_seed(touch) for touch in touched):
        return REPLICATE
    gone = sum(max(0, syntax.size(t.old) - syntax.size(t.new)) for t in touched)
    come = sum(max(0, syntax.size(t.new) - syntax.size(t.old)) for t in touched)
    if gone >= 8 and come <= gone / 4:
        return SIMPLIFICATION
    order = (*lexicon.CATEGORIES, lexicon.OTHER)
    return max(votes, key=lambda kind: (kind != lexicon.OTHER, votes[kind], -order.index(kind)))


def _is_seed(touch: Touch) -> bool:
    return "seed" in lexicon.words(" ".join((*touch.path[-1:], *touch.names)))


def _place(touch: Touch) -> str:
    node = touch.new or touch.old
    name = node.name if isinstance(node, syntax.SCOPES) else syntax.assigned(node) if node else ""
    return clean(".".join((*touch.path, name) if name else touch.path) or "module", 80)


def _summary(
    category: str, edits: Sequence[Edit], hunks: Sequence[str], size: Mapping[str, int]
) -> str:
    if category == NONE:
        return "no change of the program" if any(size.values()) else "no change"
    parts = [f"{edit.name} {edit.old} -> {edit.new}" for edit in edits[:3]]
    known = {edit.name for edit in edits}
    parts += [name for name in hunks if name not in known][: max(0, 3 - len(parts))]
    more = len(known | set(hunks)) - len(parts)
    text = ", ".join(parts) + (f" and {more} more" if more > 0 else "")
    return clean(f"{text} (+{size['added']} -{size['removed']} lines, {size['nodes']:+d} nodes)")
