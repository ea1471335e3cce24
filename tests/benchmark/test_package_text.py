"""Text from documentation packages: markup off, repetitions out, pieces that fit the loader."""

from __future__ import annotations

import gzip
from pathlib import Path

from benchmark import package_text as corpus

PROSE = "The state of the art is a matter of taste, and of the care that is given to it. "
HTML = f"""<!DOCTYPE html><html><head><title>Not this</title></head><body>
<nav>Home of the site and of all that is in it, for the reader to go to</nav>
<h1>On the care of things</h1><p>{PROSE}&amp; so <b>on</b>.</p>
<script>var a = "the code of the page is in a script";</script>
<p>{PROSE}A second one.</p></body></html>"""


def test_a_page_gives_its_paragraphs_without_markup(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(HTML)
    head, first, second = corpus.paragraphs(page)
    assert head == "On the care of things"
    assert first == f"{PROSE}& so on."
    assert second == f"{PROSE}A second one."


def test_plain_text_may_be_compressed(tmp_path: Path) -> None:
    page = tmp_path / "notes.txt.gz"
    page.write_bytes(gzip.compress(f"One\ntwo.\n\n{PROSE}\n".encode()))
    assert corpus.paragraphs(page) == ["One two.", PROSE.strip()]


def test_what_occurred_before_and_what_is_no_prose_is_left_out() -> None:
    code = "int main(int argc, char **argv) { return f(x[0]) + g(y[1]) * 3; } // 1 2 3 4 5 6 7"
    texts = [f"{PROSE}{n}" for n in range(8)] + [code] + [f"{PROSE}{n}" for n in range(8)]
    seen: set[bytes] = set()
    (found,) = corpus.documents(texts, seen)
    assert found.split("\n\n") == texts[:8]
    assert list(corpus.documents(texts, seen)) == []


def test_long_pages_become_several_documents() -> None:
    texts = [f"{PROSE * 10}{n}" for n in range(20)]
    found = list(corpus.documents(texts, set()))
    assert "\n\n".join(found).split("\n\n") == texts
    assert all(corpus.PIECE <= len(text) < corpus.PIECE + 900 for text in found)


def test_only_english_pages_are_read(tmp_path: Path) -> None:
    for name in ("guide.html", "de/guide.html", "guide.fr.html", "changelog.txt", "data.csv"):
        path = tmp_path / "usr/share/doc/x" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HTML)
    assert [path.name for path in corpus.pages(tmp_path)] == ["guide.html"]


def test_known_shards_are_left_out(tmp_path: Path) -> None:
    texts = [f"{PROSE}{n}" for n in range(12)]
    corpus.write(tmp_path / "shard_00000.parquet", ["\n\n".join(texts[:4])])
    (found,) = corpus.documents(texts, corpus.known_paragraphs(tmp_path))
    assert found.split("\n\n") == texts[4:]
