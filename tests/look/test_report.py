"""The report in a real browser: no errors, no requests, filters, click, hostile text, size."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoresearch_git.look.report.data import DIFFS, budgeted, data
from autoresearch_git.look.report.page import embedded, render
from autoresearch_git.look.status import Status
from autoresearch_git.records import Experiment
from tests.look.browser import CHROMIUM, DRIVER, Browser
from tests.look.sample import diff, experiments

HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    "\"'`${window.hacked=1} \u2028\x1b[31m\x00 --> ]]> {{DATA}} javascript:window.hacked=1"
)

browsers = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
)


def page(found: list[Experiment], text: str = "", lines: int = 12) -> str:
    status = Status(klass=f"0123abcd-h100 {text}", baseline=found[0], best=found[-1])
    elites = {e.review.niche: e for e in found if e.review and e.review.niche}
    diffs = {e.commit: diff(lines, text) for e in found}
    return render(data(found, status, elites, {}, diffs, f"sample {text}"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as window:
        yield window


def quiet(browser: Browser, path: Path) -> None:
    """Open a page and insist that it is silent: no console message, no request but itself."""
    browser.logs()
    browser.requests()
    browser.open(path)
    browser.until("return document.documentElement.dataset.ready == 'true'")
    assert [m["message"] for m in browser.logs()] == []
    assert set(browser.requests()) <= {path.as_uri()}


@browsers
def test_it_loads_filters_and_opens(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    found = experiments(120)
    path.write_text(page(found), encoding="utf-8")
    quiet(browser, path)
    count = "return document.getElementById('count').textContent"
    assert browser.run(count) == "120 of 120"
    crashed = sum(e.verdict == "crash" for e in found)
    change = "const e = document.getElementById('verdict'); e.value = 'crash';"
    browser.run(change + "e.dispatchEvent(new Event('input', {bubbles: true}))")
    assert browser.run(count) == f"{crashed} of 120"
    browser.run("document.getElementById('reset').click()")
    browser.run("document.getElementById('progress').scrollIntoView()")
    x, y, title = browser.run(
        "const b = canvas.getBoundingClientRect(); const [x, y, r] = places[7];"
        "return [b.left + x, b.top + y, r.change]"
    )
    browser.move(x, y)
    tip = browser.run("const t = document.getElementById('tip'); return [t.hidden, t.textContent]")
    assert (tip[0], title in tip[1]) == (False, True)
    browser.click(x, y)
    assert browser.run("return document.getElementById('detail').open")
    shown = browser.run("return document.getElementById('detail').textContent")
    assert title in shown
    assert "+new_1 = 2" in shown
    browser.keys("\ue00c")  # Escape
    assert not browser.run("return document.getElementById('detail').open")
    browser.keys("/", "x")
    assert browser.run("return document.activeElement.id") == "search"


@browsers
def test_the_keyboard_reaches_every_point(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(experiments(12)), encoding="utf-8")
    with Browser() as fresh:  # in the shared one the mouse may lie over a point
        quiet(fresh, path)
        fresh.run("document.getElementById('progress').focus()")
        right, enter = "\ue014", "\ue007"
        fresh.keys(right, right, right, enter)
        assert fresh.run("return document.getElementById('d-title').textContent")[:3] == "#3 "


@browsers
def test_hostile_text_stays_text(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(experiments(30, text=HOSTILE), HOSTILE), encoding="utf-8")
    quiet(browser, path)
    browser.run("document.querySelector('#runs tr.row').click()")
    assert browser.run("return window.hacked === undefined")
    assert browser.run("return document.images.length") == 0
    assert browser.run("return document.scripts.length") == 2
    shown = browser.run("return document.getElementById('d-body').textContent")
    assert "<img src=x onerror='window.hacked=1'>" in shown
    assert "\x1b" not in shown


@browsers
@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing_is_a_page_too(browser: Browser, tmp_path: Path, count: int) -> None:
    path = tmp_path / "report.html"
    found = experiments(count)
    text = page(found) if found else render(data([], Status(klass=""), {}, {}, {}, "empty"))
    path.write_text(text, encoding="utf-8")
    quiet(browser, path)


@browsers
def test_it_fits_a_phone_and_follows_the_scheme(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(experiments(60)), encoding="utf-8")
    with Browser() as phone:
        phone.phone()
        quiet(phone, path)
        assert phone.run("return document.documentElement.scrollWidth <= 390")
        colour = "return getComputedStyle(document.body).backgroundColor"
        phone.dark(False)
        light = phone.run(colour)
        phone.dark(True)
        assert phone.run(colour) != light


@browsers
def test_ten_thousand_runs_are_usable(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page(experiments(10_000)), encoding="utf-8")
    start = time.monotonic()
    quiet(browser, path)
    assert time.monotonic() - start < 30  # measured: 0.8
    assert browser.run("return document.querySelectorAll('#runs tr.row').length") == 200
    spent = browser.run("const t = performance.now(); filter(); return performance.now() - t")
    assert spent < 2000


def test_a_thousand_runs_fit_in_three_megabytes() -> None:
    size = len(page(experiments(1000), text="<&>" * 20, lines=90).encode())
    assert 2_000_000 < size <= 3_000_000


def test_diffs_keep_to_their_budget_and_keeps_come_first() -> None:
    found = experiments(500)
    kept = budgeted(found, {e.commit: diff(80) for e in found})
    assert 0.9 * DIFFS < sum(len(embedded(text).encode()) for text in kept.values()) <= DIFFS
    assert {e.commit for e in found if e.verdict == "keep"} <= set(kept)


def test_data_cannot_end_its_element() -> None:
    text = embedded({"a": "</script><!-- & \u2028"})
    assert not set("<>&\u2028") & set(text)
