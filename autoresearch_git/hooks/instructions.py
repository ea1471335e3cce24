"""The instructions for agents that `git ar init --agent` puts into a working tree."""

from __future__ import annotations

from pathlib import Path

from autoresearch_git.errors import ArError
from autoresearch_git.git.locate import Place
from autoresearch_git.hooks.install import templates

_SKILL = "skills/git-ar/SKILL.md"
_CLAUDE = "@AGENTS.md\n"


def write(place: Place) -> tuple[list[str], list[str]]:
    """(files written, files that were there and are left alone)."""
    if place.work is None:
        raise ArError("a bare repository has no working tree", "use a clone")
    folder = templates() / "agents"
    skill = (folder / "SKILL.md").read_text(encoding="utf-8")
    wanted = {
        "AGENTS.md": (folder / "AGENTS.md").read_text(encoding="utf-8"),
        "CLAUDE.md": _CLAUDE,
        f".agents/{_SKILL}": skill,
        f".claude/{_SKILL}": skill,
    }
    made, kept = [], []
    for name, text in wanted.items():
        path = Path(place.work) / name
        if path.exists() or path.is_symlink():
            if not (path.is_file() and path.read_text(encoding="utf-8") == text):
                kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.append(name)
    return made, kept
