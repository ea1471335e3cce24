"""The tool policy against a corpus of commands that agents really type."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoresearch_git.hooks import policy, policy_git, step
from autoresearch_git.hooks.guard import Guard
from autoresearch_git.hooks.policy_floods import LOG, RAW
from autoresearch_git.hooks.shell import parse

CORPUS = Path(__file__).parents[1] / "data" / "policy"
REASONS = {
    "push": (step.PUSH,),
    "install": (step.INSTALL,),
    "history": (policy_git.HISTORY, policy_git.WORK, policy_git.OWN, policy_git.HOOKS),
    "flood": (LOG, RAW),
    "switch": (step.SWITCH,),
}


def lines(name: str) -> list[str]:
    """Commands of the corpus; a here-document is written on one line, with backslash n."""
    text = (CORPUS / name).read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line and not line.startswith("# ")]
    return [line.replace("\\n", "\n") if "<<" in line else line for line in found]


@pytest.fixture
def guard(tmp_path: Path) -> Guard:
    (tmp_path / "data").mkdir()
    return Guard(str(tmp_path), "", ("train.py",), ("prepare.py",))


def test_harmful_commands_are_refused(guard: Guard) -> None:
    found = lines("harmful.txt")
    assert len(found) >= 120
    passed = []
    for line in found:
        kind, _, command = line.partition("\t")
        reason = policy.judge(command, guard.top, guard)
        wanted = REASONS.get(kind)
        right = "protected" in reason or "throws away" in reason if wanted is None else reason
        if not right or (wanted and not any(w in reason for w in wanted)):
            passed.append((kind, command, reason))
    assert len(passed) <= 0.02 * len(found), passed


def test_harmless_commands_run(guard: Guard) -> None:
    found = lines("harmless.txt")
    assert len(found) >= 120
    refused = [(c, r) for c in found if (r := policy.judge(c, guard.top, guard))]
    assert len(refused) <= 0.02 * len(found), refused


def test_the_folder_is_the_one_that_the_command_runs_in(guard: Guard) -> None:
    below = guard.top + "/data"
    assert not policy.judge("echo x > prepare.py", below, guard)
    assert policy.judge("echo x > ../prepare.py", below, guard)
    assert policy.judge("cd .. && rm prepare.py", below, guard)
    assert policy.judge(f"rm {guard.top}/prepare.py", "/", guard)


def test_a_link_to_a_protected_file_is_that_file(guard: Guard, tmp_path: Path) -> None:
    (tmp_path / "prepare.py").write_text("x")
    (tmp_path / "link.py").symlink_to("prepare.py")
    assert policy.judge("echo x > link.py", guard.top, guard)


@pytest.mark.parametrize(
    "text",
    ["", "'", '"$(', "$(((", "<<", "cat <<E", "`", "a | | b", "))((", "\\", "{a,b", "${x", "\0"],
)
def test_broken_lines_are_read_somehow(guard: Guard, text: str) -> None:
    parse(text)
    policy.judge(text, guard.top, guard)
    assert policy.judge(f"git push; {text}", guard.top, guard)
