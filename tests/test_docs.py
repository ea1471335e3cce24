"""The page that people follow by hand is followed here, line by line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_page_on_a_program_of_your_own_works_as_it_stands(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "your-own.md").read_text()
    folder = tmp_path / "mine"
    folder.mkdir()
    (program,) = re.findall(r"```python\n# fit\.py\n(.*?)```", text, re.S)
    (folder / "fit.py").write_text(program)
    script = "set -eux\n" + "".join(re.findall(r"```sh\n(.*?)```", text, re.S))
    path = f"{ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path, "GIT_AR_PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # what the reader is told to expect
    assert "basis that is orthogonal" in done.stdout
    assert "keep" in done.stdout
    assert re.search(r"^\s*1[0-9]$", done.stdout, re.M)  # experiments in the mirror
    assert (folder / "report.html").stat().st_size > 10_000
    assert "RIDGE = 1.0" in (folder / "fit.py").read_text()
