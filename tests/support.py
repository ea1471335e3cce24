"""A small research repository for tests: a stand-in training program, and the commands on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A stand-in for training: its metric is a function of its constants, printed at once.
TRAIN = '''"""Stand-in training: the metric depends on the constants only."""

import math
import os

LEARNING_RATE = 0.04  # ar: 1e-3..1.0 log
WIDTH = 256  # ar: 64..1024 log
DROPOUT = 0.1  # ar: 0.0..0.5
WARMUP = 0.0  # ar: 0.0..0.5
ACTIVATION = "relu"  # ar: relu | gelu | silu


def main():
    seed = int(os.environ.get("AUTORESEARCH_SEED", "42"))
    noise = ((seed * 2654435761) % 1000 - 500) * 2e-7
    bpb = 1.0 + 0.02 * abs(math.log(LEARNING_RATE / 0.02)) + 0.01 * abs(math.log(WIDTH / 512))
    bpb += 0.05 * DROPOUT + 0.02 * abs(WARMUP - 0.1) + {"relu": 0.01}.get(ACTIVATION, 0.0) + noise
    print("---")
    print(f"val_bpb:          {bpb:.6f}")
    print("training_seconds: 0.1")
    print("peak_vram_mb:     100.0")
    print(f"num_params_M:     {WIDTH / 100:.2f}")
    print("num_steps:        10")


main()
'''


@dataclass
class Sandbox:
    """A repository in a temporary folder; commands run in real processes."""

    folder: Path

    def git(self, *args: str, **options: Any) -> str:
        done = subprocess.run(
            ("git", *args), cwd=self.folder, capture_output=True, text=True, check=True, **options
        )
        return done.stdout.strip()

    def ar(
        self, *args: str, stdin: str = "", cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """`git ar ARGS` as a process of its own."""
        return subprocess.run(
            (sys.executable, "-m", "autoresearch_git", *args),
            cwd=cwd or self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
        )

    def ok(self, *args: str, **options: Any) -> str:
        """The output of a command that must succeed."""
        done = self.ar(*args, **options)
        assert done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def records(self, *args: str, **options: Any) -> list[dict[str, Any]]:
        """The JSON lines that a command writes."""
        return [json.loads(line) for line in self.ok(*args, **options).splitlines()]

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self, message: str = "start", **files: str) -> str:
        """Write train.py (and others, `name__py="..."`) and commit everything."""
        for name, text in ({"train__py": TRAIN} | files).items():
            self.write(name.replace("__", "."), text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def research(self, *flags: str) -> None:
        """A committed target and a contract."""
        self.commit()
        self.ok("init", "--metric", "val_bpb", "--branch", "demo", *flags)
