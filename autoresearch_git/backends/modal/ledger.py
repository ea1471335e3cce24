"""Which sandbox a run lives in, on disk before anything else: a killed client pays only once."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One run at Modal. Without a sandbox's id its name finds it: it is made of the run's."""

    run: str
    name: str
    log: str
    gpu: str
    began: float
    sandbox: str = ""


class Ledger:
    """A folder with one file a run in flight."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, entry: Entry) -> None:
        """Durable when it returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(entry.run)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(asdict(entry), file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def read(self, run: str) -> Entry | None:
        try:
            return Entry(**json.loads(self._path(run).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def drop(self, run: str) -> None:
        self._path(run).unlink(missing_ok=True)

    def runs(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def _path(self, run: str) -> Path:
        return self.folder / f"{run}.json"
