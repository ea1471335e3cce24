"""Start the fake for a test, and point the SDK at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Service:
    """A running fake."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        """What makes the SDK talk to it and to nothing else."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}",
            "MODAL_TOKEN_ID": "ak-fake",
            "MODAL_TOKEN_SECRET": "as-fake",
            "MODAL_CONFIG_PATH": str(self.folder / "nothing.toml"),
            "MODAL_DISABLE_API_PROXY": "1",
        }

    def set(self, **knobs: object) -> None:
        part = self.folder / "knobs.part"
        part.write_text(json.dumps({"stamp": time.time(), **knobs}))
        part.replace(self.folder / "knobs.json")

    def calls(self, name: str) -> int:
        path = self.folder / "calls"
        return path.read_text().split().count(name) if path.exists() else 0


@contextmanager
def service(folder: Path) -> Iterator[Service]:
    """A fake that lives as long as the block."""
    folder.mkdir(parents=True, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("MODAL_")}
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.fake_modal.server", str(folder)),
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while not (folder / "port").exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the fake did not start")
            time.sleep(0.02)
        yield Service(folder, int((folder / "port").read_text()), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
