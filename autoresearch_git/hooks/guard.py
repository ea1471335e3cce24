"""What is protected in a repository, known without libgit2: read before every tool call.

The contract is on the research branch, which is rarely checked out. So what it says is kept in a
small file under the git directory, believed only while the branch is where it was.
"""

from __future__ import annotations

import os

from autoresearch_git.git.lean import find, read, tip

# Hooks and settings by which an agent could take the guard away, and the contract itself.
SETTINGS = (
    *(".codex/hooks.json", ".codex/config.toml", ".gemini/settings.json"),
    *(".claude/settings.json", ".claude/settings.local.json"),
)
CONTRACT = "autoresearch.toml"
FILE = "guard"


class Guard:
    """A repository with research in it: its top folder, and the files that matter."""

    __slots__ = ("private", "protected", "targets", "top")

    def __init__(
        self,
        top: str,
        private: str = "",
        targets: tuple[str, ...] = (),
        protected: tuple[str, ...] = (),
    ) -> None:
        self.top, self.private = top, private
        self.targets = targets
        self.protected = (*protected, CONTRACT, *SETTINGS)

    def paths(self, name: str, folder: str) -> list[str]:
        """The paths below the top folder that a name stands for: as written, and links followed.

        "" is the top folder, or one above it; nothing is returned for what is outside.
        """
        try:
            full = os.path.normpath(os.path.join(folder, os.path.expanduser(name)))
            both = {full, os.path.realpath(full)}
        except ValueError:  # a null character
            return []
        found = []
        for base in {self.top, os.path.realpath(self.top)}:
            for each in both:
                if each == base or base.startswith(each.rstrip("/") + "/"):
                    found.append("")
                elif each.startswith(base + "/"):
                    found.append(each[len(base) + 1 :])
        return found

    def hit(self, name: str, folder: str, deep: bool = False) -> str:
        """The protected file that writing this name would touch, "" if none.

        `deep`: a folder stands for all that is below it.
        """
        for path in self.paths(name, folder):
            if found := self._hit(path, deep):
                return found
        return ""

    def _hit(self, path: str, deep: bool) -> str:
        if path == ".git" or path.startswith(".git/"):
            return ".git"
        for known in self.protected:
            if path == known or (deep and (path == "" or known.startswith(path + "/"))):
                return known
            if any(c in path for c in "*?[") and _match(known, path, deep):
                return known
        return ".git" if deep and path == "" else ""

    def is_target(self, name: str, folder: str) -> bool:
        """Whether a path names a file that experiments change."""
        return any(path in self.targets for path in self.paths(name, folder))


def load(folder: str) -> Guard | None:
    """The guard of the repository around a folder; None where there is no research."""
    top, git_dir, common = find(folder)
    private = os.path.join(common, "ar")
    if not top or not (os.path.isdir(private) or _has_research(common)):
        return None
    lines = read(os.path.join(private, FILE)).splitlines()
    head = read(os.path.join(git_dir, "HEAD")).strip()
    if len(lines) >= 5 and lines[0] == head and tip(common, lines[1]) == lines[2]:
        return Guard(top, private, _names(lines[3]), _names(lines[4]))
    return _learn(top, private, head)


def _learn(top: str, private: str, head: str) -> Guard:
    """Read the contract from the branch, and keep what it says."""
    from autoresearch_git.errors import ArError
    from autoresearch_git.research import Research

    try:
        research = Research.open(top)
        contract = research.contract
    except ArError:
        return Guard(top, private)
    names = "\t".join(contract.target), "\t".join(contract.protect)
    lines = (head, research.branch, research.tip, *names)
    partial = os.path.join(private, f"{FILE}.{os.getpid()}")
    try:
        os.makedirs(private, exist_ok=True)
        with open(partial, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.replace(partial, os.path.join(private, FILE))
    except OSError:
        pass  # a sandbox: it is read from the branch the next time too
    return Guard(top, private, tuple(contract.target), tuple(contract.protect))


def _has_research(common: str) -> bool:
    """Whether there is a research branch, in a clone that has not worked on it yet."""
    branches = os.path.join("refs", "heads", "autoresearch")
    packed = "/".join(("refs", "heads", "autoresearch", ""))
    return os.path.isdir(os.path.join(common, branches)) or packed in read(
        os.path.join(common, "packed-refs")
    )


def _names(line: str) -> tuple[str, ...]:
    return tuple(line.split("\t")) if line else ()


def _match(known: str, pattern: str, deep: bool) -> bool:
    from fnmatch import fnmatchcase

    above = known.split("/")
    heads = ["/".join(above[:n]) for n in range(1, len(above) + 1)] if deep else [known]
    return any(fnmatchcase(head, pattern) and _hidden(head, pattern) for head in heads)


def _hidden(name: str, pattern: str) -> bool:
    # A leading dot is matched by a leading dot only, as in the shell.
    return not name.startswith(".") or pattern.startswith(".")
