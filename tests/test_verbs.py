"""Every verb is there in all the ways in which people call it, and explains itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from autoresearch_git.cli import VERBS, cli

ROOT = Path(__file__).resolve().parent.parent


def test_each_verb_has_a_starter_and_an_executable() -> None:
    listed = re.findall(r"^git-ar-([a-z-]+) = ", (ROOT / "pyproject.toml").read_text(), re.M)
    links = [path.name.removeprefix("git-ar-") for path in (ROOT / "bin").glob("git-ar-*")]
    assert sorted(listed) == sorted(VERBS) == sorted(links)
    assert all((ROOT / "bin" / f"git-ar-{verb}").readlink() == Path("git-ar") for verb in VERBS)


@pytest.mark.parametrize("verb", [v for v in VERBS if v != "hook"])
def test_each_verb_has_help_with_an_example(verb: str) -> None:
    done = CliRunner().invoke(cli, [verb, "--help"])
    assert done.exit_code == 0
    assert re.search(rf"git ar {verb}\b|git ar propose \|", done.output)


def test_the_readme_names_only_verbs_that_exist() -> None:
    texts = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "benchmark" / "program.md"]
    for path in texts:
        used = set(re.findall(r"(?:^|`)git ar ([a-z][a-z-]*)", path.read_text(), re.M))
        unknown = used - set(VERBS)
        assert not unknown, (path.name, unknown)
