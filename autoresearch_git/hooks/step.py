"""One command of a line as the rules look at it: its wrappers taken off, and what feeds it."""

from __future__ import annotations

from autoresearch_git.hooks.shell import Command

PUSH = "pushing is the person's: leave the commits here, git ar sync shares them when they ask"
INSTALL = "packages are fixed for all experiments: work with what is installed"
SWITCH = "the loop is switched, and hooks are installed, by a person: ask them"
_SKIP_VALUE = {  # wrappers that run another command: their options that take a value
    "sudo": "ugCpUh", "doas": "uC", "env": "uCS", "nice": "n", "ionice": "cnp", "timeout": "ks",
    "nohup": "", "time": "fo", "setsid": "", "stdbuf": "ioe", "command": "", "exec": "a",
    "builtin": "", "chrt": "", "taskset": "", "xargs": "InLPsEd", "unbuffer": "", "watch": "n",
}  # fmt: skip
_RUNNERS = ("uv", "poetry", "pixi", "pdm", "hatch", "rye", "conda", "mamba", "micromamba")


class Step:
    """One command after its wrappers are taken off, with where and how it runs."""

    __slots__ = ("command", "fed", "folder", "name", "words")

    def __init__(self, words: list[str], command: Command, folder: str, fed: list[str]) -> None:
        self.words, self.command, self.folder = words, command, folder
        self.name = words[0].rpartition("/")[2] if words else ""
        self.fed = fed  # words that xargs or find may append

    def plain(self) -> list[str]:
        """The arguments that are no options."""
        return [word for word in self.words[1:] if not word.startswith("-") or word == "-"]


def protected(name: str) -> str:
    return f"{name} is protected: change only the target files"


def unwrap(command: Command, line: list[Command]) -> tuple[list[str], list[str], list[str]]:
    """(the command proper, words that xargs may add, options of a runner such as uv run)."""
    words, fed, runner = list(command.words), [], []
    while words:
        name = words[0].rpartition("/")[2]
        if name in _RUNNERS and words[1:2] == ["run"]:
            taken = _options(words[2:], "pnmC")
            runner, words = words[2 : len(words) - len(taken)], taken
        elif name in _SKIP_VALUE:
            if name == "xargs":
                fed = piped_words(command, line)
            rest = _options(words[1:], _SKIP_VALUE[name])
            if name == "timeout":
                rest = rest[1:]
            while name in ("env", "sudo") and rest and "=" in rest[0]:
                rest = rest[1:]
            if not rest:
                return ([] if name != "exec" else words), fed, runner
            words = rest
        else:
            break
    return words, fed, runner


def _options(words: list[str], with_value: str) -> list[str]:
    """The words after leading options; short options in `with_value` take the next word."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        word = words[at]
        at += 1
        if word == "--":
            break
        long = ("--with", "--group", "--extra", "--python", "--signal", "--kill-after", "--user")
        if (len(word) == 2 and word[1] in with_value) or (word in long):
            at += 1
    return words[at:]


def piped_words(command: Command, line: list[Command]) -> list[str]:
    found: list[str] = []
    todo = [command]
    while todo:
        current = todo.pop()
        for each in line:
            if each.pipe is current:
                found += [w for w in each.words[1:] if not w.startswith("-")]
                todo.append(each)
    return found
