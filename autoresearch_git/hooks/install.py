"""Git's hooks: put in beside whatever is there, and taken out byte for byte."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.errors import ArError
from autoresearch_git.git.repo import Repo

HOOKS = ("pre-commit", "commit-msg", "post-commit", "post-rewrite", "pre-push")
BEFORE = ".before-git-ar"
MARK = "# Written by `git ar hooks install`"
# Where a manager puts a hook that it replaced: pre-commit calls it, lefthook does not.
ASIDE = (".legacy", ".old")
LEFTHOOK = ("lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml")
LEFTHOOK_OWN = "lefthook-local.yml"


@dataclass(frozen=True)
class Found:
    """One hook as it stands: ours, somebody else's, ours beside another, or none."""

    name: str
    state: str  # ours | beside | theirs | none
    path: Path


def install(repo: Repo) -> list[str]:
    """Install all hooks; what a person should know of it. Running it again changes nothing."""
    folder = place(repo)
    if folder is None:
        return [_lefthook(repo)]
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        path, text = folder / name, render(name)
        if _is_ours(path):
            path.write_text(text, encoding="utf-8")
        elif _moved_aside(path):
            continue  # a hook manager runs ours itself
        else:
            if path.exists() or path.is_symlink():
                path.rename(path.with_name(name + BEFORE))
            path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    return _advice(repo, folder)


def uninstall(repo: Repo) -> list[str]:
    """Remove all hooks of ours and put back what was there; what could not be removed."""
    kept = []
    if repo.place.work and (own := _lefthook_found(repo.place.work)).state == "ours":
        own.path.unlink()
    folder = place(repo)
    for name in HOOKS if folder else ():
        assert folder is not None
        path = folder / name
        for candidate in (path, *_asides(path)):
            if not _is_ours(candidate):
                continue
            if candidate.read_text(encoding="utf-8") != render(name):
                kept.append(f"{candidate} was changed by hand: take your lines out, then again")
                continue
            candidate.unlink()
            before = path.with_name(name + BEFORE)
            if before.exists() or before.is_symlink():
                before.rename(candidate)
    return kept


def status(repo: Repo) -> list[Found]:
    """How each hook stands; under lefthook, how its local configuration does."""
    if folder := place(repo):
        return [_found(folder / name) for name in HOOKS]
    assert repo.place.work
    return [_lefthook_found(repo.place.work)]


def place(repo: Repo) -> Path | None:
    """The folder that this repository's hooks are in; None where lefthook rewrites them.

    `core.hooksPath` is honoured, never set: setting it would switch off everybody else's hooks.
    """
    work, wanted = repo.place.work, repo.config("core.hooksPath")
    if work and any((work / name).exists() for name in LEFTHOOK):
        return None
    if not wanted:
        return repo.place.common / "hooks"
    base = work or repo.place.git_dir
    folder = (base / Path(wanted).expanduser()).resolve()
    if folder.name == "_" and folder.parent.name == ".husky":
        return folder.parent  # husky's own scripts call the files beside them
    inside = [root.resolve() for root in (repo.place.common, work) if root]
    if not any(folder.is_relative_to(root) for root in inside):
        raise ArError(
            f"core.hooksPath is {wanted}, a folder that other repositories share",
            f"call git ar from the hooks there yourself; the templates are in {templates()}",
        )
    return folder


def render(name: str) -> str:
    """The text of a hook."""
    folder = templates()
    text = (folder / "head.sh").read_text(encoding="utf-8")
    text += (folder / name).read_text(encoding="utf-8")
    filled = {
        "HOOK": name,
        "PROGRAM": program(),
        "RESEARCH": refs.RESEARCH,
        "OWN": refs.TRAIL.rpartition("/")[0] + "/",
        "NOTES": refs.NOTES,
        "NEAR_MISSES": refs.NEAR_MISSES,
    }
    for key, value in filled.items():
        text = text.replace(f"@{key}@", value)
    return text


def program() -> str:
    """The absolute path of git-ar: hooks also run where PATH has nothing of ours."""
    here = Path(__file__).resolve().parents[2] / "bin" / "git-ar"
    beside = Path(sys.executable).parent / "git-ar"
    found = shutil.which("git-ar")
    for candidate in (here, beside, Path(found) if found else None):
        if candidate and candidate.is_file():
            return str(candidate)
    raise ArError("the git-ar program was not found", "install the package, or run bin/setup")


def templates() -> Path:
    """The folder of the templates, in an installed package or in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "templates", package.parents[1] / "hooks"):
        if (folder / "head.sh").is_file():
            return folder
    raise ArError("the templates of the hooks are missing", "install git ar again")


def _found(path: Path) -> Found:
    beside = path.with_name(path.name + BEFORE).exists()
    if _is_ours(path):
        return Found(path.name, "beside" if beside else "ours", path)
    if _moved_aside(path):
        return Found(path.name, "beside", path)
    return Found(path.name, "theirs" if path.exists() else "none", path)


def _is_ours(path: Path) -> bool:
    try:
        return MARK in path.read_text(encoding="utf-8", errors="replace")[:400]
    except OSError:
        return False


def _asides(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ASIDE]


def _moved_aside(path: Path) -> bool:
    """Whether the pre-commit framework took ours over and calls it."""
    return _is_ours(path.with_name(path.name + ".legacy"))


def _advice(repo: Repo, folder: Path) -> list[str]:
    if folder.name == ".husky":
        return ["husky runs no hooks in linked worktrees: work on research branches in this one"]
    return []


def _lefthook(repo: Repo) -> str:
    assert repo.place.work is not None
    own, text = _lefthook_found(repo.place.work), _lefthook_text()
    if own.state == "theirs":
        raise ArError(f"{LEFTHOOK_OWN} has something in it", f"add to it:\n{text}")
    folder = repo.place.private / "hooks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        (folder / name).write_text(render(name), encoding="utf-8")
    own.path.write_text(text, encoding="utf-8")
    return f"wrote {LEFTHOOK_OWN}; now run: lefthook install"


def _lefthook_found(work: Path) -> Found:
    """lefthook's local configuration as it stands."""
    path = work / LEFTHOOK_OWN
    if not path.exists():
        return Found("lefthook", "none", path)
    ours = path.read_text(encoding="utf-8") == _lefthook_text()
    return Found("lefthook", "ours" if ours else "theirs", path)


def _lefthook_text() -> str:
    """lefthook's configuration: it runs the rendered templates, which stay where they are."""
    folder = "$(git rev-parse --git-common-dir)/ar/hooks"
    lines = [f"{MARK}, removed by `git ar hooks uninstall`."]
    for name in HOOKS:
        lines += [
            f"{name}:",
            "  jobs:",
            f'    - run: sh "{folder}/{name}" {{0}}',
            "      use_stdin: true",
        ]
    return "\n".join(lines) + "\n"
