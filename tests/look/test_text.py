"""Tables, sparklines, series and effects: pure functions on values."""

from __future__ import annotations

import msgspec
import pytest

from autoresearch_git.errors import ArError
from autoresearch_git.look import termcharts
from autoresearch_git.look.charts.archive import cells
from autoresearch_git.look.diff import coloured
from autoresearch_git.look.effects import effects
from autoresearch_git.look.filters import moment
from autoresearch_git.look.graph import graph
from autoresearch_git.look.numbers import ago, duration, number, signed
from autoresearch_git.look.rows import frontier_line, rows
from autoresearch_git.look.series import series, window
from autoresearch_git.look.spark import frontier, spark
from autoresearch_git.look.style import Style
from autoresearch_git.look.table import Column, crop, table, width, wrap
from autoresearch_git.look.termplot import plot
from autoresearch_git.records import Experiment
from tests.look.sample import experiments


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
@pytest.mark.parametrize("text", ["", "x", "a long word " * 20, "漢字" * 40, "e\u0301" * 60])
def test_a_table_is_never_wider_than_the_terminal(columns: int, text: str) -> None:
    cells = [Column("commit", ["0123456"]), Column("number", ["1.0"], right=True)]
    lines = table([*cells, Column("text", [text])], Style(width=columns))
    assert max(map(width, lines)) <= columns


def test_the_heaviest_columns_stay() -> None:
    columns = [Column(str(k), ["x" * 8], weight=k) for k in range(9)]
    head = table([*columns, Column("last", ["y" * 30])], Style(width=40))[0].split()
    assert head == ["7", "8", "last"]


def test_crop_counts_what_is_seen() -> None:
    assert crop("abc", 3) == "abc"
    assert crop("abcd", 3) == "ab…"
    assert width(crop("漢字漢字", 5)) <= 5
    red = Style(colour=True).paint("abcd", "red")
    assert crop(red, 4) == red


@pytest.mark.parametrize("columns", [20, 39, 40])
@pytest.mark.parametrize(
    "text",
    [
        "! the best rests on one run: git ar run --replicate 9e9e7b66b",
        "          -0.037049 (-3.57%) from the baseline",
        "commit    " + "9e" * 20,
        "漢字" * 40,
        Style(colour=True).paint("KEEP val_bpb 1.000734 by local_tuner, and more", "green"),
    ],
)
def test_wrapping_loses_nothing(columns: int, text: str) -> None:
    lines = wrap(text, columns, 10)
    assert max(map(width, lines)) <= columns
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line[:1] != " " or line[:10] == " " * 10 for line in lines)
    assert wrap(text, 400) == [text]


def test_the_frontier_is_that_of_one_class_and_ignores_luck() -> None:
    found = experiments(40)
    other = [
        msgspec.structs.replace(
            each,
            runs=tuple(
                msgspec.structs.replace(run, klass="other", value=-9.0) for run in each.runs
            ),
            review=msgspec.structs.replace(each.review, klass="other", value=-9.0, low=None),
        )
        for each in experiments(3, seed=9)
        if each.review
    ]
    line = frontier_line(found, Style())
    assert frontier_line([*other, *found], Style()) == line
    assert line.endswith(f"1.000000 → {number(series(found).points[-1].best)}")
    assert " 0.500000 → 0.500000" in frontier_line(found, Style(), before=0.5)
    lucky = msgspec.structs.replace(found[-1].review, value=0.1, low=0.9, high=2.0)
    assert (
        frontier_line([*found, msgspec.structs.replace(found[-1], review=lucky)], Style())[-8:]
        == line[-8:]
    )
    assert frontier_line([], Style()) == ""


@pytest.mark.parametrize("style", [Style(), Style(unicode=False)])
def test_sparklines(style: Style) -> None:
    assert spark([], style) == ""
    assert spark([float("nan"), float("inf")], style) == ""
    assert len(set(spark([2.0, 2.0], style))) == 1
    assert len(spark(list(range(1000)), style, 40)) == 40
    line = spark([0, 1], style)
    assert (line[0], line[1]) == (("▁", "█") if style.unicode else ("_", "#"))


def test_the_frontier_goes_one_way() -> None:
    values = [None, 3.0, 5.0, None, 2.0, float("nan"), 4.0]
    assert frontier(values, True) == [3.0, 3.0, 3.0, 2.0, 2.0, 2.0]
    assert frontier(values, False) == [3.0, 5.0, 5.0, 5.0, 5.0, 5.0]


def test_numbers_for_people() -> None:
    assert [number(v) for v in (None, 0.9979, 0.0, 1e-9)] == ["-", "0.997900", "0.000000", "1e-09"]
    assert [signed(v) for v in (None, 0.001, -1e-7)] == ["", "+0.001000", "-1e-07"]
    assert [duration(s) for s in (5, 90, 5400, 864000)] == ["5s", "2m", "1.5h", "10.0d"]
    assert ago(100.0, now=160.0) == "1m"
    assert ago(160.0, now=100.0) == "in 1m"


def test_moments() -> None:
    assert moment("2h", now=10_000.0) == 2800.0
    assert moment("1970-01-02") == 86400.0
    assert moment("1970-01-01T01:00:00+01:00") == 0.0
    for wrong in ("", "h", "-1h", "tomorrow", "1.2.3d"):
        with pytest.raises(ArError):
            moment(wrong)


def test_a_series_has_the_best_so_far() -> None:
    drawn = series(experiments(300))
    bests = [p.best for p in drawn.points if p.best is not None]
    assert bests == sorted(bests, reverse=True)
    assert bests[-1] == min(p.value for p in drawn.points if p.value is not None)
    assert drawn.points[0].kind == "baseline"
    low, high = window(drawn) or (0.0, 0.0)
    assert low < bests[-1] < 1.0 < high


def test_crashes_have_no_value_and_never_lead() -> None:
    for point in series(experiments(300)).points:
        if point.kind == "failed":
            assert point.value is None
            assert not point.record


def test_effects_find_what_helps() -> None:
    found = experiments(400, seed=2)
    effect = {each.name: each for each in effects(found)}
    assert set(effect) <= {"LEARNING_RATE up", "LEARNING_RATE down"}
    assert sum(each.n for each in effect.values()) == sum(
        e.value is not None and bool(e.plan and e.plan.parent) for e in found
    )
    for each in effect.values():  # most made-up ideas make it worse
        assert each.mean < 0
        assert (each.strength, each.statement) == ("strong", f"{each.name} hurts")
        assert each.low < each.mean < each.high


def test_one_outcome_proves_nothing() -> None:
    for each in effects(experiments(3, seed=1)):
        assert each.strength == "open"
        assert each.low < each.high


@pytest.mark.parametrize("count", [0, 1, 2, 500])
@pytest.mark.parametrize("columns", [20, 40, 100])
def test_the_terminal_plot_fits(count: int, columns: int) -> None:
    lines = plot(series(experiments(count)), Style(width=columns, unicode=False))
    assert all(line.isascii() for line in lines)
    assert count == 0 or max(map(len, lines)) <= columns


@pytest.mark.parametrize("count", [0, 1, 2, 300])
@pytest.mark.parametrize("columns", [40, 100])
def test_every_chart_fits_the_terminal(count: int, columns: int) -> None:
    found, style = experiments(count), Style(width=columns, unicode=False)
    elites = {e.review.niche: e for e in found if e.review and e.review.niche}
    charts = {
        "frontier": termcharts.frontier(series(found), style),
        "archive": termcharts.archive(cells(elites, {}, 1.0), style),
        "knobs": termcharts.knobs(effects(found), style),
        "curves": termcharts.curves(found, style),
    }
    for name, lines in charts.items():
        assert lines, name
        assert max(map(width, lines)) <= columns, name
        assert all(style.plain(line).isascii() for line in lines), name
    if count == 300:
        assert " ".join(charts["archive"]).count("(0)") == len(elites)
        assert sum(" v" in line or "-v" in line for line in charts["knobs"][1:-1]) == 2
        assert "-0.00" in charts["knobs"][2]
        assert len(charts["curves"]) == 12  # four keeps, the newest eight


def test_the_terminal_frontier_begins_at_the_top() -> None:
    drawn = series(experiments(300))
    lines = termcharts.frontier(drawn, Style(width=80))
    assert lines[1].strip().startswith("1.000000│●")
    assert lines[16].strip().startswith(number(drawn.points[-1].best))


def test_the_graph_has_every_experiment_once() -> None:
    found = experiments(60)
    lines = graph(found, Style())
    text = "\n".join(lines)
    assert all(text.count(each.commit[:9]) == 1 for each in found)
    loop = msgspec.structs.replace(found[0], plan=found[1].plan)
    assert graph([loop], Style())  # a parent that is not there, or one's own


def test_colours_carry_no_control_characters() -> None:
    lines = coloured(
        "diff --git a b\n@@ -1 +1 @@\n-x = 1  # \x1b[2J\n+x = 'a\x07'\n", Style(colour=True)
    )
    text = "".join(lines)
    assert "\x1b[2J" not in text
    assert "\x07" not in text
    assert coloured("+a", Style()) == ["+a"]


def test_an_experiment_without_anything_is_a_row() -> None:
    lines = rows([Experiment(commit="0" * 40)], Style(width=60))
    assert "000000000" in lines[1]
    assert "proposed" in lines[1]
