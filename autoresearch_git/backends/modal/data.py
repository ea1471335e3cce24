"""Prepared data on a volume: uploaded once, found by the hash of its content, mounted read-only."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType
from typing import Any

from autoresearch_git.backends import environment, hardware

DONE = "complete"  # written last: a killed upload leaves no folder that could be believed


def seeded(modal: ModuleType, name: str, cache: Path) -> tuple[Any, str] | None:
    """(volume, folder on it) with the prepared data of a cache folder; None if there is none."""
    folders = prepared(cache)
    if not folders:
        return None
    key = hardware.data_hash(folders)
    volume = modal.Volume.from_name(name, create_if_missing=True, version=2)
    if not _has(modal, volume, f"/{key}"):
        with volume.batch_upload(force=True) as upload:
            for folder in folders:
                upload.put_directory(str(folder), f"/{key}/{folder.name}")
        with volume.batch_upload(force=True) as upload:
            upload.put_file(io.BytesIO(b"1\n"), f"/{key}/{DONE}")
    return volume, f"/{key}"


def prepared(cache: Path) -> list[Path]:
    """The folders of the cache that hold data; compiled kernels are of this machine only."""
    if not cache.is_dir():
        return []
    kernels = set(environment.CACHES.values())
    found = (path for path in cache.iterdir() if path.is_dir() and path.name not in kernels)
    return sorted(path for path in found if any(file.is_file() for file in path.rglob("*")))


def _has(modal: ModuleType, volume: Any, folder: str) -> bool:
    try:
        return any(entry.path.endswith(f"/{DONE}") for entry in volume.listdir(folder))
    except (FileNotFoundError, modal.exception.NotFoundError):
        return False
