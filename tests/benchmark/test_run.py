"""train.py as a whole: real, short training, and its ways to fail."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import prepare
import pytest

from tests.benchmark.conftest import BENCHMARK

SUMMARY = ["val_bpb", "training_seconds", "total_seconds", "peak_vram_mb", "mfu_percent"]
SUMMARY += ["total_tokens_M", "num_steps", "num_params_M", "depth"]


def run(
    tmp_path: Path,
    changes: dict[str, str] | None = None,
    seconds: float = 1,
    source: str = (BENCHMARK / "train.py").read_text(),
    **options: object,
) -> subprocess.CompletedProcess:
    for name, value in ({"DEPTH": "1", "TOTAL_BATCH_SIZE": "2**10"} | (changes or {})).items():
        source, count = re.subn(rf"(?m)^(\s*){name} = \S+", rf"\g<1>{name} = {value}", source)
        assert count
    (tmp_path / "train.py").write_text(source)
    environment = os.environ | {
        "AUTORESEARCH_PROFILE": "cpu",
        "AUTORESEARCH_SECONDS": str(seconds),
        "PYTHONPATH": str(BENCHMARK),
        "OMP_NUM_THREADS": "1",  # tests run side by side
    }
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=tmp_path, env=environment, capture_output=True, check=False, **options,
    )  # fmt: skip
    # Not text=True: that would turn the progress lines' carriage returns into newlines.
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def test_a_short_training_ends_with_the_summary(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.environ["AUTORESEARCH_REPORT_FD"] = str(writer)  # the seal takes it away again
    done = run(tmp_path, pass_fds=[writer])
    os.close(writer)
    assert done.returncode == 0, done.stderr
    body, _, summary = done.stdout.partition("\n---\n")
    lines = [re.fullmatch(r"(\w+): +(\d+(?:\.\d+)?)", line) for line in summary.splitlines()]
    values = {match[1]: float(match[2]) for match in lines}
    assert list(values) == SUMMARY
    assert 1 < values["val_bpb"] < 4
    assert 1 <= values["training_seconds"] < values["total_seconds"]
    assert values["depth"] == 1
    with open(reader) as pipe:
        report = json.loads(pipe.read())
    assert report["value"] == pytest.approx(values["val_bpb"], abs=1e-6)
    steps = body.split("\r")[1:]
    assert len(steps) == values["num_steps"]
    assert re.match(
        r"step 00001 \(0\.0%\) \| loss: \d+\.\d+ \| lrm: 1\.00 \| dt: \d+ms \| tok/sec: [\d,]+ "
        r"\| mfu: 0\.0% \| epoch: 1 \| remaining: 1s",
        steps[0],
    )


@pytest.mark.parametrize(
    ("changes", "output", "error"),
    [
        ({"X0_INIT": 'float("nan")'}, "FAIL", ""),
        ({"TOTAL_BATCH_SIZE": "3000"}, "", "TOTAL_BATCH_SIZE 3000 is no multiple"),
        ({"TOTAL_BATCH_SIZE": "100"}, "", "TOTAL_BATCH_SIZE 100 is no multiple"),
    ],
)
def test_what_cannot_train_fails_at_once(
    tmp_path: Path, changes: dict[str, str], output: str, error: str
) -> None:
    done = run(tmp_path, changes, seconds=30)
    assert done.returncode == 1
    assert "val_bpb" not in done.stdout
    if output:
        assert done.stdout.splitlines()[-1] == output
    else:
        assert len(done.stderr.splitlines()) == 1
        assert error in done.stderr


def test_seeds_give_replicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same seed gives the same first losses, another seed others."""
    firsts = []
    for seed in ("1", "1", "2"):
        monkeypatch.setenv("AUTORESEARCH_SEED", seed)
        done = run(tmp_path, seconds=0.01)
        firsts.append(re.findall(r"step 0000[123] .*?loss: ([\d.]+)", done.stdout))
    assert len(firsts[0]) == 3
    assert firsts[0] == firsts[1] != firsts[2]


def test_importing_prepare_is_quick() -> None:
    code = "import sys, prepare; print([m for m in ('pyarrow', 'rustbpe') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=BENCHMARK, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    assert Path(prepare.__file__).parent == BENCHMARK
