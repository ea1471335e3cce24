"""Structural moves: every one finds its pattern somewhere, and what it writes still runs."""

from __future__ import annotations

import ast
import difflib
from pathlib import Path

import pytest

from autoresearch_git.emitters.moves import MOVES, apply
from autoresearch_git.emitters.moves.rewrite import every, first, rules
from autoresearch_git.emitters.moves.statements import before, keyword, prologue
from autoresearch_git.search.space import area
from tests.emitters.foreign import FOREIGN, SMALL

OWN = (Path(__file__).parents[2] / "benchmark" / "train.py").read_text()


def changed_lines(old: str, new: str) -> int:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return sum(line[0] in "+-" and not line.startswith(("+++", "---")) for line in lines)


@pytest.mark.parametrize("move", MOVES.values(), ids=list(MOVES))
def test_every_move_finds_a_pattern_and_leaves_python(move) -> None:
    text = SMALL.get(move.name, FOREIGN)
    files = apply(move, {"train.py": text, "notes.md": text})
    assert files is not None, move.name
    assert files["notes.md"] == text
    assert files["train.py"] != text
    ast.parse(files["train.py"])
    assert changed_lines(text, files["train.py"]) <= 6
    assert move.hypothesis
    assert move.area in {area(n) for n in ("X", "LR", "WARMUP", "INIT", "DROPOUT")}


@pytest.mark.parametrize("move", MOVES.values(), ids=list(MOVES))
def test_a_move_without_its_pattern_proposes_nothing(move) -> None:
    assert apply(move, {"train.py": "x = 1\n"}) is None
    assert apply(move, {"train.py": "def f(:\n"}) is None
    assert apply(move, {}) is None


@pytest.mark.parametrize("move", MOVES.values(), ids=list(MOVES))
def test_a_foreign_file_still_trains_after_the_move(move) -> None:
    pytest.importorskip("torch")
    files = apply(move, {"train.py": FOREIGN})
    if files is not None:
        space: dict[str, object] = {}
        exec(compile(files["train.py"], "train.py", "exec"), space)
        assert float(space["loss"].detach()) > 0  # type: ignore[arg-type]
        rate = space["get_lr_multiplier"]
        assert 0 <= rate(1.0) <= 1  # type: ignore[operator]
        assert rate(0.3) == pytest.approx(1.0)  # type: ignore[operator]


@pytest.mark.parametrize("move", MOVES.values(), ids=list(MOVES))
def test_our_benchmark_stays_python(move) -> None:
    files = apply(move, {"train.py": OWN})
    if files is not None:
        ast.parse(files["train.py"])
        assert changed_lines(OWN, files["train.py"]) <= 6


def test_some_moves_fit_our_benchmark() -> None:
    fitting = {name for name, move in MOVES.items() if apply(move, {"train.py": OWN})}
    assert {"no-softcap", "gated-mlp", "cosine-warm-down", "clip-gradients"} <= fitting


def test_rules_by_example() -> None:
    swap = rules(("f(Q_x, *Q_rest)", "g(Q_x, *Q_rest)"))
    assert swap("y = f(a+b, 1, k=2)  # keep\n") == "y = g((a+b), 1, k=2)  # keep\n"
    assert swap("y = f(a)\n") == "y = g(a)\n"
    assert swap("y = f((a,), *b)\n") == "y = g((a,), *b)\n"
    same = rules(("Q_a * h(Q_b / Q_a)", "Q_b"))
    assert same("y = c * h(x / c)\n") == "y = x\n"
    assert same("y = c * h(x / d)\n") == "y = c * h(x / d)\n"


def test_operators_get_their_parentheses() -> None:
    scale = rules(("n(Q_x)", "2 * n(Q_x)"))
    assert scale("y = n(q) ** 2\n") == "y = (2 * n(q)) ** 2\n"
    assert scale("y = f(n(q), n(k))\n") == "y = f(2 * n(q), 2 * n(k))\n"


def test_limits_of_rules() -> None:
    only = rules(("f(Q_x)", "g(Q_x)"), within="mlp")
    assert only("class MLP:\n    y = f(1)\nz = f(1)\n") == "class MLP:\n    y = g(1)\nz = f(1)\n"
    assert rules(("f(Q_x)", "g(Q_x)"), unless="done")("f(1)  # done\n") == "f(1)  # done\n"
    both = every(rules(("f(Q_x)", "g(Q_x)")), rules(("h(Q_x)", "g(Q_x)")))
    assert both("f(1)\n") == "f(1)\n"
    assert both("f(1)\nh(1)\n") == "g(1)\ng(1)\n"
    one = first(rules(("h(Q_x)", "g(Q_x)")), rules(("f(Q_x)", "k(Q_x)")))
    assert one("f(1)\n") == "k(1)\n"


def test_statements() -> None:
    assert keyword("b", r"\d", "7")("f(b=1)\ndef g(a, b=2, *, c=3): pass\n") == (
        "f(b=7)\ndef g(a, b=7, *, c=3): pass\n"
    )
    text = "for i in x:\n    opt.step()\n"
    assert before(r"opt\.step$", "clip()", "clip")(text) == (
        "for i in x:\n    clip()\n    opt.step()\n"
    )
    lr = 'def lr(progress):\n    """Doc."""\n    return 1.0\n'
    insert = prologue("lr", "progress", "if progress < 0.1:\n    return 0.0\n", "warm")
    space: dict[str, object] = {}
    exec(insert(lr), space)
    assert space["lr"](0.05) == 0.0  # type: ignore[operator]
    assert space["lr"](0.5) == 1.0  # type: ignore[operator]
    assert insert(lr.replace("Doc", "Warm")) == lr.replace("Doc", "Warm")
