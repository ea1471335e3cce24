"""Hostile text in logs, commits and other people's notes: what reaches an agent or a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from autoresearch_git.clean import UNSAFE, quote
from autoresearch_git.memory.store import Memory
from autoresearch_git.records import Decision, Event, Plan, Review, Run, Scores
from autoresearch_git.research import Research
from tests.hooks.support import event, research
from tests.support import TRAIN, Sandbox

CORPUS = Path(__file__).parents[1] / "data" / "injection" / "lines.jsonl"
LINES = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
CANARY = "zqxv"  # stands in every hostile text, and nowhere else
QUOTED = re.compile(r'"[^"]*"')


def test_the_corpus_is_large_enough() -> None:
    assert len(LINES) >= 30


@pytest.mark.parametrize("text", LINES, ids=range(len(LINES)))
def test_a_quotation_cannot_be_left(text: str) -> None:
    found = quote(text)
    assert found[0] == found[-1] == '"'
    inside = found[1:-1]
    assert len(inside) <= 200
    assert all(" " <= c <= "~" for c in inside)
    assert not set(inside) & set('"`<>&\\')


def poisoned(sandbox: Sandbox) -> None:
    """Experiments of somebody else's trail, with a hostile text wherever one fits."""
    research(sandbox)
    memory = Memory.open(sandbox.folder)
    tip = sandbox.git("rev-parse", "HEAD")
    contract = Research.open(sandbox.folder).contract_id
    for n, line in enumerate(LINES):
        text = f"{CANARY} {line} {CANARY}"
        sandbox.write("train.py", TRAIN.replace("WIDTH = 256", f"WIDTH = {300 + n}"))
        tree = sandbox.git("stash", "create")
        oid = sandbox.git("commit-tree", f"{tree}^{{tree}}", "-p", tip, "-m", f"exp: {n}")
        plan = Plan(emitter=text[:60], phase="explore", change=text, parent=tip, hypothesis=text)
        run = Run(run=f"r{n}", outcome="ok", seconds=1.0, klass="c-x", value=1.0 + n, detail=text)
        review = Review(
            klass="c-x",
            runs=(f"r{n}",),
            verdict="near-miss" if n % 2 else "discard",
            reason=text,
            niche="a.b",
            value=1.0 + n,
            n=1,
            signature=text,
            warnings=(text,),
            category=text[:40],
            scores=Scores(),
        )
        memory.append(
            Event(kind="propose", commit=oid, contract=contract, tree=tree, plan=plan),
            Event(kind="run", commit=oid, run=run),
            Event(kind="review", commit=oid, review=review),
            Event(
                kind="decision",
                commit=oid,
                decision=Decision(
                    klass="c-x", verdict="near-miss" if n % 2 else "discard", reason=text
                ),
            ),
            Event(kind="remark", commit=oid, remark=text),
            Event(kind="remark", remark=text),
        )
    sandbox.git("checkout", "-q", "train.py")


def unquoted(context: str) -> str:
    """What an agent reads outside of quotations."""
    assert all(c == "\n" or " " <= c <= "~" for c in context)
    return QUOTED.sub("", context)


def test_nothing_reaches_an_agent_unquoted(sandbox: Sandbox) -> None:
    poisoned(sandbox)
    for kind, fields in (
        ("SessionStart", {"source": "startup"}),
        ("UserPromptSubmit", {"prompt": "go"}),
        ("PostToolUse", {"tool_name": "Bash", "tool_input": {"command": "git ar run HEAD"}}),
    ):
        (sandbox.folder / ".git" / "ar" / "told").write_text("0\n")
        done = event(sandbox, kind, **fields)
        assert done.returncode == 0, done.stderr
        context = json.loads(done.stdout)["hookSpecificOutput"]["additionalContext"]
        assert len(context) <= 2000
        assert CANARY not in unquoted(context), kind
        assert CANARY in context
        assert context.count('"') % 2 == 0
        assert all(len(q) <= 202 for q in QUOTED.findall(context))


def test_nothing_reaches_a_terminal_as_escape_or_markup(sandbox: Sandbox) -> None:
    poisoned(sandbox)
    commits = [
        line.split()[0] for line in sandbox.ok("log", "--no-json").splitlines() if "explore" in line
    ]
    shown = [
        sandbox.ok(*verb)
        for verb in (
            ("log", "--no-json"),
            ("status", "--no-json"),
            ("conjectures", "--no-json"),
            ("near-misses", "--no-json"),
            *(("show", "--no-json", oid) for oid in commits[10:13]),
        )
    ]
    shown.append(sandbox.git("log", "--all", "--notes=ar", "--format=%N"))
    for text in shown:
        assert not UNSAFE.search(text.replace("\n", "")), repr(UNSAFE.search(text))
        assert "\x1b" not in text
    assert "[bold red]rich markup[/bold red]" in "".join(shown)  # shown as it is, not rendered
