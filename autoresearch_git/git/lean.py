"""What a hook or an idle command needs of git, without pathlib, re or subprocess.

These take longer to import than all else that such a command does.
"""

from __future__ import annotations

import os

# Everything else of GIT_* is dropped: GIT_DIR and GIT_INDEX_FILE are set inside hooks, and a git
# started there for another folder would then work on the wrong repository.
_KEPT = (
    "GIT_EXEC_PATH",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_TERMINAL_PROMPT",
    "GIT_ALLOW_PROTOCOL",
    "GIT_SSL_",
    "GIT_HTTP_",
)
SETTINGS = ("config", "-z", "--get-regexp", r"^(remote\..*\.(url|fetch|mirror)|ar\..*)$")


def environment() -> dict[str, str]:
    """A copy of the environment without GIT_* (but for transport), with messages in English."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    return kept | {"LC_ALL": "C"}


def find(folder: str) -> tuple[str, str, str]:
    """(top folder, git directory, shared git directory) around a folder; "" where there is none."""
    here = os.path.abspath(folder)
    while True:
        dot = os.path.join(here, ".git")
        if os.path.isdir(dot):
            return here, dot, dot
        if os.path.isfile(dot):
            git_dir = os.path.normpath(
                os.path.join(here, read(dot).removeprefix("gitdir:").strip())
            )
            pointer = read(os.path.join(git_dir, "commondir")).strip()
            return here, git_dir, os.path.normpath(os.path.join(git_dir, pointer))
        above = os.path.dirname(here)
        if above == here:
            return "", "", ""
        here = above


def tip(common: str, ref: str) -> str:
    """The oid in a ref, "" if there is none."""
    text = read(os.path.join(common, ref)).strip()
    if text:
        return text
    for line in read(os.path.join(common, "packed-refs")).splitlines():
        if line.endswith(" " + ref):
            return line.partition(" ")[0]
    return ""


def read(path: str) -> str:
    """The text of a file, "" if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def parse(listed: str) -> dict[str, str]:
    """The settings that `git config -z` listed."""
    return dict(entry.partition("\n")[::2] for entry in listed.split("\0") if entry)


def remotes(settings: dict[str, str]) -> list[str]:
    """The names of the remotes in settings."""
    return [key[7:-4] for key in settings if key.startswith("remote.") and key.endswith(".url")]


class Started:
    """A git program under way; what it says on stderr is dropped."""

    def __init__(self, folder: str, *args: str) -> None:
        self._out, out = os.pipe()
        quiet = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        silent = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        actions = [silent, (os.POSIX_SPAWN_DUP2, out, 1), quiet]
        try:
            argv = ("git", "-C", folder, *args)
            self._pid = os.posix_spawnp("git", argv, environment(), file_actions=actions)
        finally:
            os.close(out)

    def output(self) -> str | None:
        """All that it said, once it has ended; None if it failed."""
        with open(self._out, encoding="utf-8", errors="replace") as pipe:
            said = pipe.read()
        return None if os.waitpid(self._pid, 0)[1] else said
