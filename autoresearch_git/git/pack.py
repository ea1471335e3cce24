"""Many objects at once: one pack instead of a hundred thousand loose files."""

from __future__ import annotations

import tempfile
import zlib
from hashlib import sha1
from pathlib import Path
from types import TracebackType
from typing import IO

from autoresearch_git.git.locate import Place
from autoresearch_git.git.objects import Writer, oid_of
from autoresearch_git.git.process import git_bytes

WORD = "git-ar"  # what the .keep file of a pack says that is not referred to yet


class Pack(Writer):
    """Collects objects in a file; `finish` gives them to git. They cannot be read before that."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        self.known: set[bytes] = set()
        self.file.write(b"PACK" + (2).to_bytes(4, "big") + b"\0\0\0\0")

    def __enter__(self) -> Pack:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def write(self, kind: int, data: bytes) -> str:
        oid = oid_of(kind, data)
        if (raw := bytes.fromhex(oid)) not in self.known:
            self.known.add(raw)
            self.file.write(_header(kind, len(data)) + zlib.compress(data, 1))
        return oid

    def raw(self, oid: str, kind: int) -> bytes:
        raise NotImplementedError("a pack is written in one go")

    def tree_entries(self, tree: str) -> list[tuple[str, str, str]]:
        raise NotImplementedError("a pack is written in one go")

    def finish(self) -> Path | None:
        """Store the objects; the .keep file that guards them until a ref points there."""
        if not self.known:
            return None
        self.file.seek(8)
        self.file.write(len(self.known).to_bytes(4, "big"))
        self.file.seek(0)
        digest = sha1()
        while block := self.file.read(1 << 20):
            digest.update(block)
        self.file.write(digest.digest())
        self.file.seek(0)
        said = git_bytes(
            self.place.git_dir, "index-pack", "--stdin", f"--keep={WORD}", stdin=self.file
        )
        name = said.decode().split()[-1]
        return self.place.common / "objects" / "pack" / f"pack-{name}.keep"


def _header(kind: int, size: int) -> bytes:
    """Type and size: four bits of the size in the first byte, seven in each one after it."""
    found = bytearray()
    byte, size = kind << 4 | size & 15, size >> 4
    while size:
        found.append(byte | 128)
        byte, size = size & 127, size >> 7
    found.append(byte)
    return bytes(found)
