"""Make a text corpus from the documentation packages of a Debian system.

    python package_text.py OUT [PACKAGE ...] [--with DIR]

For machines that reach a package mirror but not the default dataset. Packages are fetched with
`apt-get download` and unpacked to a temporary folder, never installed. English prose only: markup
is taken off, paragraphs that occurred before are left out, long pages are cut into documents of
about 4,000 characters, since the loader's packing throws away the tail of a long one. One page in
100 goes to the validation shard, whole. `--with` adds all this to shards that you have. The texts
keep their packages' licences: see /usr/share/doc/PACKAGE/copyright before you publish the shards.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

# Names in words, since a list of forty strings is no easier to read.
PACKAGES = """
    openjdk-17-doc erlang-doc racket-doc python-pandas-doc python-scipy-doc python-sklearn-doc
    python-sympy-doc python3.11-doc python-django-doc qtbase5-doc-html qtdeclarative5-doc-html
    gnome-user-docs gnome-devel-docs linux-doc-6.1 libreoffice-help-en-us debian-handbook
    lilypond-doc gimp-help-en llvm-14-doc clang-14-doc cmake-doc sqlite3-doc postgresql-doc-15
    apache2-doc maxima-doc gap-doc octave-doc anarchism perl-doc git-doc bind9-doc debian-policy
    debian-reference-en developers-reference libvirt-doc slurm-wlm-doc exim4-doc-html
    rust-doc scala-doc ghc-doc sagemath-doc libboost1.81-doc libgtk-3-doc libglib2.0-doc
""".split()  # noqa: SIM905

SHARD = 50_000_000  # characters
PIECE = 4_000  # characters of a document, cut at the end of a paragraph
SHORTEST = 400
VALIDATION = 100  # one page of so many
BLOCKS = {"p", "li", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "pre", "td", "th", "div", "section"}
HTML = (".html", ".htm", ".xhtml")
SKIPPED = {"script", "style", "nav", "header", "footer", "head", "button", "form", "svg", "aside"}
FOREIGN = re.compile(
    r"[/._-](?:de|fr|es|it|pt|ru|ja|zh|ko|pl|nl|tr|uk|cs|da|sv|el|hu|id|vi|ro)[/._-]"
)
LARGEST = 5_000_000  # bytes of a page; what is larger is a table
COMMON = re.compile(r"\b(?:the|of|and|to|is|in|a|for|that|be)\b", re.IGNORECASE)


class Page(HTMLParser):
    """Paragraphs of a page, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.paragraphs: list[str] = []
        self.words: list[str] = []
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.skipping += tag in SKIPPED
        if tag in BLOCKS:
            self.end()

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self.skipping = max(0, self.skipping - 1)
        if tag in BLOCKS:
            self.end()

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.words.append(data)

    def end(self) -> None:
        if text := " ".join("".join(self.words).split()):
            self.paragraphs.append(text)
        self.words = []


def paragraphs(path: Path) -> list[str]:
    """The paragraphs of a page or a plain text; none for what is neither."""
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    text = raw.decode("utf-8", "replace")
    html = path.name.removesuffix(".gz").endswith(HTML)
    if html or re.match(r"\s*<(?:!doctype html|html|\?xml)", text[:200], re.IGNORECASE):
        page = Page()
        page.feed(text)
        page.end()
        return page.paragraphs
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]


def is_prose(text: str) -> bool:
    """Whether it reads as English sentences rather than as a table, code or an index."""
    letters = sum(c.isalpha() or c == " " for c in text)
    words = text.count(" ") + 1
    return letters > 0.75 * len(text) and len(COMMON.findall(text)) > 0.12 * words


def pages(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        name = path.name.removesuffix(".gz")
        wanted = name.endswith((*HTML, ".txt", ".rst", ".page"))
        boring = name.startswith(("changelog", "copyright", "genindex", "search"))
        if not wanted or boring or FOREIGN.search(str(path.relative_to(folder))):
            continue
        stem, _, kind = name.rpartition(".")
        plain = (path.with_name(stem + end) for end in (".txt", ".txt.gz"))
        if kind != "txt" and any(text.exists() for text in plain):
            continue  # the same without markup
        if path.is_file() and not path.is_symlink() and path.stat().st_size < LARGEST:
            yield path


def documents(texts: Iterable[str], seen: set[bytes]) -> Iterator[str]:
    """What is new of these paragraphs, in pieces."""
    piece: list[str] = []
    for text in texts:
        digest = hash_of(text)
        if len(text) < 40 or digest in seen or not is_prose(text):
            continue
        seen.add(digest)
        piece.append(text)
        if sum(map(len, piece)) >= PIECE:
            yield "\n\n".join(piece)
            piece = []
    if sum(map(len, piece)) >= SHORTEST:
        yield "\n\n".join(piece)


def shards(folder: Path) -> tuple[list[str], list[str]]:
    """The documents of a folder's training shards, and those of its last, the validation shard."""
    from pyarrow import parquet

    paths = sorted(folder.glob("*.parquet"))
    if len(paths) < 2:
        sys.exit(f"error: {folder} has no training shard and validation shard (*.parquet)")
    read = [parquet.read_table(path, columns=["text"])["text"].to_pylist() for path in paths]
    return [text for shard in read[:-1] for text in shard], read[-1]


def paragraph_hashes(texts: Iterable[str]) -> set[bytes]:
    parts = (part for text in texts for part in re.split(r"\n\s*\n|\n", text))
    return {hash_of(" ".join(part.split())) for part in parts}


def write(path: Path, texts: list[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    part = path.with_name(path.name + ".part")
    table = pyarrow.table({"text": pyarrow.array(texts, "string")})
    parquet.write_table(table, part, compression="zstd", compression_level=15)
    part.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="default: some forty")
    parser.add_argument("--with", type=Path, dest="base", metavar="DIR", help="shards to add to")
    asked = parser.parse_args()
    train, held_out = shards(asked.base) if asked.base else ([], [])
    seen = paragraph_hashes([*train, *held_out])
    for package in asked.packages or PACKAGES:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            fetched = subprocess.run(
                ("apt-get", "download", "-q", package), cwd=folder, capture_output=True, text=True
            )
            if fetched.returncode:
                print(f"{package}: not to be had", file=sys.stderr)
                continue
            for archive in folder.glob("*.deb"):
                subprocess.run(("dpkg-deb", "-x", archive, folder / "files"), check=True)
            before = len(train)
            for page in pages(folder / "files"):
                name = f"{package}/{page.relative_to(folder)}"
                side = held_out if is_held_out(name) else train
                side += documents(paragraphs(page), seen)
            size = sum(map(len, train[before:])) / 1e6
            print(f"{package}: {size:.1f} M characters", flush=True)
    if not train or not held_out:
        sys.exit("error: no text; is this a Debian system with an index? apt-get update")
    random.Random(42).shuffle(train)
    asked.out.mkdir(parents=True, exist_ok=True)
    for number, shard in enumerate(cut(train)):
        write(asked.out / f"shard_{number:05d}.parquet", shard)
    write(asked.out / "shard_06542.parquet", held_out)
    sizes = [sum(map(len, texts)) / 1e6 for texts in (train, held_out)]
    print(f"{sizes[0]:.1f} M characters to train on, {sizes[1]:.2f} M for validation")


def hash_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def is_held_out(page: str) -> bool:
    return int.from_bytes(hashlib.sha256(page.encode()).digest()[:4], "big") % VALIDATION == 0


def cut(texts: list[str]) -> Iterator[list[str]]:
    shard: list[str] = []
    size = 0
    for text in texts:
        shard.append(text)
        size += len(text)
        if size >= SHARD:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


if __name__ == "__main__":
    main()
