"""The hermetic seal: no user's or system's git configuration, fixed identity, own folders."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import Sandbox

_SEAL = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "false",
    "LC_ALL": "C",
    "TZ": "UTC",
    "NO_COLOR": "1",
    "COLUMNS": "100",
}


# Who starts the tests in the background of a shell script makes them deaf to Ctrl-C, with all
# that they start; programs that they end with it would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A check gives the same answer twice; HYPOTHESIS_PROFILE=search looks for new examples.
settings.register_profile("check", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))


@pytest.fixture(autouse=True)
def seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test has its own HOME, and no setting of the machine reaches it."""
    for name in [n for n in os.environ if n.startswith(("GIT_", "AR_", "XDG_", "AUTORESEARCH_"))]:
        monkeypatch.delenv(name)
    for name, value in _SEAL.items():
        monkeypatch.setenv(name, value)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AUTORESEARCH_CACHE", str(tmp_path / "cache"))
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Tester\n\temail = tester@example.com\n[init]\n\tdefaultBranch = main\n"
        '[ar "local"]\n\tcontention = ignore\n'  # other tests run beside this one
    )
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    import pygit2

    # libgit2 looks at HOME once, when it is loaded: tell it again.
    levels = pygit2.enums.ConfigLevel
    for level in (levels.SYSTEM, levels.XDG):
        pygit2.settings.search_path[level] = str(tmp_path / "nowhere")
    pygit2.settings.search_path[levels.GLOBAL] = str(home)
    return


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A git repository with one target file whose command prints a summary at once."""
    folder = tmp_path / "lab"
    folder.mkdir()
    monkeypatch.chdir(folder)
    subprocess.run(["git", "init", "-q"], check=True)
    return Sandbox(folder)


@pytest.fixture
def two_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two classes of hardware on one machine: all its cores (--jobs 1), half of them (--jobs 2)."""
    if os.cpu_count() == 1:
        pytest.skip("half of one core is no other class")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
