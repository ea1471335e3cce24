"""Text from documentation packages: markup off, repetitions out, pieces that fit the loader."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

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


def test_known_paragraphs_are_left_out() -> None:
    texts = [f"{PROSE}{n}" for n in range(12)]
    (found,) = corpus.documents(texts, corpus.paragraph_hashes(["\n\n".join(texts[:4])]))
    assert found.split("\n\n") == texts[4:]


def test_a_page_beside_its_plain_text_is_not_read_twice(tmp_path: Path) -> None:
    for name in ("rfc1.html.gz", "rfc1.txt.gz", "rfc2.html.gz", "rfc3.html", "rfc3.txt.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b"x"))
    found = [path.name for path in corpus.pages(tmp_path)]
    assert found == ["rfc1.txt.gz", "rfc2.html.gz", "rfc3.txt.gz"]


def test_a_page_without_a_doctype_is_html_by_its_name(tmp_path: Path) -> None:
    page = tmp_path / "page.html.gz"
    page.write_bytes(gzip.compress(f'<p>See <a href="x">{PROSE}</a></p>'.encode()))
    assert corpus.paragraphs(page) == [f"See {PROSE}".strip()]


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no Debian system")
def test_packages_are_added_to_the_shards_that_one_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real package, which a stand-in for apt-get has at hand; dpkg-deb unpacks it."""
    known = [f"{PROSE}{n}" for n in range(4)]
    (tmp_path / "have").mkdir()
    corpus.write(tmp_path / "have/shard_00000.parquet", ["\n\n".join(known)])
    corpus.write(tmp_path / "have/shard_06542.parquet", ["What is held out."])
    files = tmp_path / "package"
    pages = {f"{n}.txt": [*known, *(f"{PROSE}{n} {k}" for k in range(8))] for n in range(300)}
    for name, texts in pages.items():
        page = files / "usr/share/doc/x" / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("\n\n".join(texts))
    control = files / "DEBIAN/control"
    control.parent.mkdir()
    control.write_text("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n")
    deb = tmp_path / "x.deb"
    subprocess.run(("dpkg-deb", "-b", files, deb), check=True, capture_output=True)
    apt = tmp_path / "bin/apt-get"
    apt.parent.mkdir()
    apt.write_text(f'#!/bin/sh\n[ "$3" = x ] && cp {deb} .\n')
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{apt.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(
        "sys.argv", ["", str(tmp_path / "out"), "x", "--with", str(tmp_path / "have")]
    )
    corpus.main()
    train, held_out = corpus.shards(tmp_path / "out")
    everything = "\n\n".join([*train, *held_out]).split("\n\n")
    expected = {*known, "What is held out.", *(t for texts in pages.values() for t in texts)}
    assert sorted(everything) == sorted(expected)  # each paragraph once
    assert "What is held out." in held_out
    assert 1 <= len(held_out) - 1 <= 12
