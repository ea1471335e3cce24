"""A repository with one commit a script, and jobs that run them."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import replace
from pathlib import Path

from autoresearch_git.backends.base import Job, Options
from autoresearch_git.backends.orphans import marked

SUMMARY = "print('---\\nval_bpb: 1.250000\\nnum_steps: 3')\n"


class Lab:
    """Makes commits and jobs of one throw-away repository."""

    def __init__(self, folder: Path) -> None:
        self.repo, self.logs = folder / "repo", folder / "logs"
        self.repo.mkdir()
        self.logs.mkdir()
        self.git("init", "-q")
        self.numbers = itertools.count()

    def git(self, *args: str) -> str:
        who = {f"GIT_{w}_{k}": "a@b" for w in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
        clean = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **who}
        done = subprocess.run(
            ["git", *args], cwd=self.repo, env=clean, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @property
    def private(self) -> Path:
        return self.repo / ".git/ar"

    def commit(self, **files: str) -> str:
        """A commit with train.py (and others: dots are written as __)."""
        for name, text in files.items():
            path = self.repo / name.replace("__", ".")
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def job(self, script: str, **changes: object) -> Job:
        """A job that runs the script as train.py."""
        commit = self.commit(train__py=script)
        run = f"run-{os.getpid()}-{next(self.numbers)}"  # unlike other workers'
        job = Job(
            run=run,
            repo=self.repo,
            commit=commit,
            contract="c0ffee",
            command="python train.py",
            metric="val_bpb",
            timeout=20.0,
            grace=0.5,
            log=self.logs / f"{run}.log",
            targets=("train.py",),
        )
        return replace(job, **changes)  # type: ignore[arg-type]

    def options(self, **changes: object) -> Options:
        return replace(Options(folder=self.private, jobs=1), **changes)  # type: ignore[arg-type]


def pids_of(run: str) -> list[int]:
    """Living processes that carry the mark of a run."""
    return list(marked("AR_RUN", run))
