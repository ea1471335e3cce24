"""Faults on demand: a JSON file that a test writes and the server reads at every call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Knobs:
    """What is wrong with the service right now. `path` holds any of the fields as JSON."""

    path: Path
    fail: dict[str, list[Any]] = field(default_factory=dict)  # method -> [grpc status, times]
    lost: dict[str, int] = field(default_factory=dict)  # method -> replies lost after the work
    capacity: int = 1000  # sandboxes at once
    no_gpu: list[str] = field(default_factory=list)  # GPU types that are never free
    unknown_gpu: list[str] = field(default_factory=list)
    delay: float = 0.0  # seconds until a sandbox is scheduled
    end: str = ""  # the status that sandboxes end with, whatever their command did
    after: float = 0.3  # seconds until they do
    cut: int = 0  # a log stream breaks after so many bytes
    broken_build: str = ""  # what the build says before it fails
    stamp: float = 0.0  # when a test wrote it
    used: dict[str, int] = field(default_factory=dict)

    text: str = ""

    def read(self) -> Knobs:
        """This, brought up to date with the file; another file begins to count anew."""
        text = self.path.read_text() if self.path.exists() else "{}"
        if text != self.text:
            self.text = text
            self.used.clear()
        return Knobs(self.path, **json.loads(text), used=self.used, text=text)

    def spent(self, what: str, times: int) -> bool:
        """Whether a fault that happens so many times has happened often enough."""
        self.used[what] = self.used.get(what, 0) + 1
        return self.used[what] > times
