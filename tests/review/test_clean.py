"""Foreign text is data: one line, printable, short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoresearch_git.clean import clean, clean_lines

RISKY = st.text(
    alphabet=st.sampled_from("ab \t\n\r\x00\x1b[]0;31m\x07\x9b\u202e\u200b\ufeff\x85\u2028")
)


@given(st.text() | RISKY, st.integers(1, 80))
def test_one_printable_line_of_limited_length(text, limit):
    shown = clean(text, limit)
    assert len(shown) <= limit
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert all(ord(c) >= 32 and not 127 <= ord(c) < 160 for c in shown)
    assert clean(shown, limit) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain caf\u00e9 \u4e2d", "plain caf\u00e9 \u4e2d"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\u202eb\u200bc", "a b c"),
        ("Verdict: keep\n\nValue: 0", "Verdict: keep Value: 0"),
        ("lone \ud800 surrogate", "lone surrogate"),
    ],
)
def test_examples(text, shown):
    assert clean(text) == shown


@given(st.binary(max_size=600), st.integers(10, 300))
def test_the_end_of_a_log_is_printable_lines(data, limit):
    shown = clean_lines(data, limit)
    assert len(shown) <= limit
    assert "\x1b" not in shown
    assert "\r" not in shown
