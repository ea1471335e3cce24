"""What hooks cost, as ratios and medians: python tests/bench/bench_hooks.py [ROUNDS]

The tool hook against a bare `python -c pass`, and how long `git commit` waits for post-commit.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support import TRAIN  # noqa: E402 - the path is set just above

AR = ROOT / "bin" / "git-ar"


def taken(command: list[str], data: bytes = b"", **env: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, input=data, capture_output=True, env={**os.environ, **env}, check=True)
    return time.perf_counter() - start


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "train.py").write_text(TRAIN)
        os.chdir(folder)
        me = ("-c", "user.name=a", "-c", "user.email=a@b")
        for words in (
            ["git", "init", "-q"],
            ["git", "add", "-A"],
            ["git", *me, "commit", "-qm", "start"],
            [str(AR), "init", "--metric", "val_bpb", "--branch", "demo"],
            ["git", "switch", "-q", "autoresearch/demo"],
            [str(AR), "hooks", "install"],
        ):
            subprocess.run(words, check=True, capture_output=True)
        python = str(ROOT / ".venv" / "bin" / "python")
        command = "python train.py > run.log 2>&1; tail -n 5 run.log"
        call = {"cwd": name, "tool_name": "Bash", "tool_input": {"command": command}}
        data = json.dumps(call | {"hook_event_name": "PreToolUse"}).encode()
        hook = [str(AR), "hook", "--client", "codex", "PreToolUse"]
        through_git = ["git", "ar", *hook[1:]]
        path = f"{AR.parent}{os.pathsep}{os.environ['PATH']}"
        taken(hook, data)
        rows = [
            (taken([python, "-c", "pass"]), taken(hook, data), taken(through_git, data, PATH=path))
            for _ in range(rounds)
        ]
        for title, k in (("git-ar hook PreToolUse", 1), ("git ar hook PreToolUse", 2)):
            ratio = statistics.median(row[k] / row[0] for row in rows)
            print(f"{title}: {ratio:.2f} of a bare python, median of {rounds}")
        worker = folder / ".git" / "ar" / "worker.log"
        worker.mkdir(parents=True)  # no worker: its work is not what a commit waits for
        subprocess.run(["git", *me, "commit", "-q", "--allow-empty", "-m", "exp: x"], check=True)
        waits = [taken([".git/hooks/post-commit"]) for _ in range(rounds)]
        print(f"post-commit: {1000 * statistics.median(waits):.0f} ms, median of {rounds}")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
