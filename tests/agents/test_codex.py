"""The real Codex CLI against a scripted model: all five hooks fire and do what they should."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autoresearch_git.hooks.install import program
from tests.agents.fake_model import FakeModel
from tests.hooks.support import research
from tests.support import Sandbox

pytestmark = pytest.mark.slow
VERSION = "0.169.0"
SCRIPTING = "gpt-5.6-sol"  # one that calls tools from a script
MODEL = "gpt-5.5"  # a name that makes Codex offer apply_patch as a tool of its own
PATCH = "*** Begin Patch\n*** Update File: {0}\n@@\n-{1}\n+{2}\n*** End Patch\n"


@pytest.fixture(scope="module")
def codex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Codex, installed from the npm registry into a temporary folder."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("codex")
    command = (npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit")
    try:
        done = subprocess.run(
            (*command, f"@openai/codex@{VERSION}"), capture_output=True, timeout=240, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if done.returncode:
        pytest.skip("the npm registry cannot be reached")
    found = sorted((folder / "node_modules" / "@openai").glob("codex-*/vendor/*/bin/codex"))
    if not found:
        pytest.skip("there is no Codex for this platform")
    return found[0]


def session(
    sandbox: Sandbox, codex: Path, model: FakeModel, name: str = MODEL
) -> subprocess.CompletedProcess[str]:
    home = Path(os.environ["HOME"])
    (home / "codex").mkdir(exist_ok=True)
    (home / "codex" / "config.toml").write_text(
        f'model = "{name}"\nmodel_provider = "fake"\ncheck_for_update_on_startup = false\n'
        f'[model_providers.fake]\nname = "fake"\nbase_url = "{model.url}"\nenv_key = "FAKE_KEY"\n'
        'wire_api = "responses"\nrequest_max_retries = 0\nstream_max_retries = 0\n'
        f'[analytics]\nenabled = false\n[projects."{sandbox.folder}"]\ntrust_level = "trusted"\n'
    )
    bare = {
        "HOME": str(home),
        "CODEX_HOME": str(home / "codex"),
        "PATH": f"{Path(program()).parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "TERM": "dumb",
        "FAKE_KEY": "dummy",
        "AUTORESEARCH_CACHE": os.environ["AUTORESEARCH_CACHE"],
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    # The outer sandbox of a test machine often forbids Codex's own.
    words = ("exec", "--json", "--dangerously-bypass-hook-trust", "-s", "danger-full-access")
    return subprocess.run(
        (str(codex), *words, "-C", str(sandbox.folder), "run the loop"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=bare,
        cwd=sandbox.folder,
        timeout=240,
        check=False,
    )


def test_all_five_hooks_fire(sandbox: Sandbox, codex: Path) -> None:
    research(sandbox)
    sandbox.ok("loop", "--runs", "1")
    sandbox.ok("hooks", "install", "--agent", "codex")
    assert "codex          ok" in sandbox.ok("hooks", "check")
    sandbox.ok("auto", "on", "--turns", "2")
    protected = (sandbox.folder / "prepare.py").read_text()
    steps = [
        {"run": "echo 'EVAL_TOKENS = 1' > prepare.py"},
        {"patch": PATCH.format("prepare.py", "EVAL_TOKENS = 1000", "EVAL_TOKENS = 1")},
        {"run": "cat > prepare.py <<'EOF'\nEVAL_TOKENS = 1\nEOF"},
        {"run": "git checkout -- prepare.py"},
        {"patch": PATCH.format("train.py", "WIDTH = 256  # ar: 64..1024 log", "WIDTH = 320")},
        {"run": "git ar loop --runs 1 --seed 1 --json > out.txt 2>&1; tail -c 100 out.txt"},
        {"say": "I am done."},
        {"say": "Really done."},
        {"say": "Done, done."},
        {"say": "one too many"},
    ]
    with FakeModel(steps) as model:
        done = session(sandbox, codex, model)
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = model.outputs()
    for denied in outputs[:4]:
        assert "prepare.py is protected" in denied
    assert (sandbox.folder / "prepare.py").read_text() == protected
    assert "WIDTH = 320" in (sandbox.folder / "train.py").read_text()
    context = "\n".join(model.messages("developer"))
    assert "git ar, the memory of this research" in context  # SessionStart
    assert "git ar: best " in context  # UserPromptSubmit
    assert "git ar: new reviews" in context  # PostToolUse
    sent_on = [text for text in model.messages("user") if "git ar auto is on" in text]
    assert len(sent_on) == 2  # Stop, exactly to its limit
    assert [step["say"] for step in model.steps] == ["one too many"]
    assert (sandbox.folder / ".git" / "ar" / "seen-codex").exists()


def test_a_stop_without_progress_ends_by_itself(sandbox: Sandbox, codex: Path) -> None:
    research(sandbox)
    sandbox.ok("hooks", "install", "--agent", "codex")
    sandbox.ok("auto", "on")
    with FakeModel([{"say": "stopping"}] * 30) as model:
        session(sandbox, codex, model)
    assert len(model.requests) == 4  # the first turn, and three that changed nothing


def test_tools_called_from_a_script_are_refused_too(sandbox: Sandbox, codex: Path) -> None:
    research(sandbox)
    sandbox.ok("hooks", "install", "--agent", "codex")
    patch = PATCH.format("prepare.py", "EVAL_TOKENS = 1000", "EVAL_TOKENS = 1")
    steps = [
        {"js": 'await tools.exec_command({cmd: "echo x > prepare.py"});'},
        {"js": f"await tools.apply_patch({json.dumps(patch)});"},
        {"say": "done"},
    ]
    with FakeModel(steps) as model:
        session(sandbox, codex, model, SCRIPTING)
    outputs = model.outputs()
    assert len(outputs) == 2
    assert all("prepare.py is protected" in output for output in outputs)
    assert (sandbox.folder / "prepare.py").read_text() == "EVAL_TOKENS = 1000\n"
