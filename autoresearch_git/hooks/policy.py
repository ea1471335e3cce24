"""What an agent's tool call may not do, from the parsed command. A guard-rail, not a boundary.

Five things are refused, each with what to do instead: writing protected files, pushing,
installing packages, rewriting history or throwing work away, and floods of log output. The
boundary is elsewhere: `git ar` builds the commit itself and restores protected files.
"""

from __future__ import annotations

from autoresearch_git.hooks.guard import Guard
from autoresearch_git.hooks.shell import Command, parse
from autoresearch_git.hooks.step import INSTALL, Step, piped_words, protected, unwrap

DEPTH = 6  # of shells in shells

_SHELLS = ("sh", "bash", "zsh", "dash", "ksh")
_INSTALLERS = {
    "pip": ("install", "uninstall"), "pip3": ("install", "uninstall"), "pipx": ("install",),
    "uv": ("add", "remove"), "poetry": ("add", "remove"), "pdm": ("add", "remove"),
    "rye": ("add",), "pixi": ("add",), "conda": ("install", "create", "update", "remove"),
    "mamba": ("install", "update"), "micromamba": ("install", "update"),
    "npm": ("install", "i", "add", "ci"), "pnpm": ("install", "i", "add"),
    "bun": ("add", "install"), "yarn": ("add", "install"),
    "apt": ("install", "remove", "upgrade"), "snap": ("install",),
    "apt-get": ("install", "remove", "upgrade"), "aptitude": ("install",), "brew": ("install",),
    "dnf": ("install",), "yum": ("install",), "zypper": ("install",), "apk": ("add",),
    "pacman": ("-S", "-Sy", "-Syu"), "cargo": ("install",), "gem": ("install",), "go": ("install",),
    "easy_install": ("",), "ensurepip": ("",),
}  # fmt: skip


def judge(text: str, folder: str, guard: Guard) -> str:
    """Why a shell line is refused, "" if it may run. `folder` is absolute."""
    return _line(text, folder, guard, 0)


def judge_files(paths: list[str], folder: str, guard: Guard) -> str:
    """Why an edit of these files is refused, "" if it may go on."""
    for path in paths:
        if hit := guard.hit(path, folder):
            return protected(hit)
    return ""


def trains(text: str, folder: str, guard: Guard) -> bool:
    """Whether a shell line runs the target file itself, outside of git ar."""
    from autoresearch_git.hooks import policy_floods

    commands = parse(text)
    for command in commands:
        words = unwrap(command, commands)[0]
        here = _folder(folder, command.folder)
        if words and policy_floods.trains(Step(words, command, here, []), guard):
            return True
    return False


def _line(text: str, folder: str, guard: Guard, depth: int) -> str:
    commands = parse(text)
    scripts = {path: c.stdin for c in commands if c.stdin for path in c.outputs}
    for command in commands:
        here = _folder(folder, command.folder)
        if reason := _outputs(command, here, guard):
            return reason
        if command.words and (reason := _command(command, commands, here, guard, depth)):
            return reason
        for word in command.words:  # a script that this very line writes, and then runs
            body = scripts.pop(word, "") if depth < DEPTH else ""
            if body and (reason := _line(body, here, guard, depth + 1)):
                return reason
    return ""


def _folder(start: str, step: str) -> str:
    import os

    return os.path.normpath(os.path.join(start, os.path.expanduser(step)))


def _outputs(command: Command, folder: str, guard: Guard) -> str:
    return judge_files([p for p in command.outputs if not p.startswith("/dev/")], folder, guard)


def _command(command: Command, line: list[Command], folder: str, guard: Guard, depth: int) -> str:
    words, fed, runner = unwrap(command, line)
    if (" ".join(words[:2]) in ("git apply", "git am")) or words[:1] == ["patch"]:
        fed = piped_words(command, line)
    if words[:1] and words[0] in _SHELLS and not command.stdin:
        command.stdin = _echoed(command, line)
    step = Step(words, command, folder, fed)
    if runner and (reason := _with_packages(runner)):
        return reason
    if not step.name:
        return ""
    if depth < DEPTH and (script := _script(step)):
        return _line(script, folder, guard, depth + 1)
    if step.name == "find" and depth < DEPTH and (inner := _exec_of_find(step)):
        return _command(_like(command, inner), line, folder, guard, depth + 1)
    if reason := _installs(step):
        return reason
    return _rules(step, folder, guard, depth)


def _rules(step: Step, folder: str, guard: Guard, depth: int) -> str:
    if step.name in ("git", "git-ar", "gh", "hub", "glab") or step.name.startswith("git-"):
        from autoresearch_git.hooks import policy_git

        return policy_git.refuse(step, guard)
    from autoresearch_git.hooks import policy_files, policy_floods

    code = policy_files.inline(step)
    if code is not None and depth < DEPTH:
        from autoresearch_git.hooks import policy_code

        files, lines = policy_code.effects(code, step.name, guard)
        for line in lines:
            if reason := _line(line, folder, guard, depth + 1):
                return reason
        if reason := judge_files(files, folder, guard):
            return reason
    for path, deep in policy_files.written(step):
        if hit := guard.hit(path, folder, deep):
            return protected(hit)
    return policy_floods.refuse(step, guard)


def _echoed(command: Command, line: list[Command]) -> str:
    """What echo or printf sends down the pipe to a shell."""
    sent = [c for c in line if c.pipe is command and c.words[:1] in (["echo"], ["printf"])]
    return "\n".join(" ".join(c.words[1:]) for c in sent)


def _script(step: Step) -> str:
    """The text that a shell started here would run."""
    words = step.words
    if step.name == "eval":
        return " ".join(words[1:])
    if step.name not in _SHELLS:
        return ""
    for at, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and "c" in word:
            return " ".join(words[at + 1 : at + 2])
        if not word.startswith("-"):
            return ""
    return step.command.stdin


def _exec_of_find(step: Step) -> list[str]:
    """The command that find runs on what it finds, with what that could be."""
    words = step.words
    for flag in ("-exec", "-execdir", "-ok", "-okdir"):
        if flag in words:
            inner = [w for w in words[words.index(flag) + 1 :] if w not in (";", "+", "\\;")]
            found = _found_by(words)
            at = inner.index("{}") if "{}" in inner else len(inner)
            return inner[:at] + found + inner[at + 1 :]
    return ["rm", "-r", *_found_by(words)] if "-delete" in words else []


def _found_by(words: list[str]) -> list[str]:
    named = ("-name", "-iname")
    patterns = [w for at, w in enumerate(words) if at and words[at - 1] in named]
    roots = []
    for word in words[1:]:
        if word.startswith(("-", "(", "!")):
            break
        roots.append(word)
    return [f"{root}/{p}" for root in (roots or ["."]) for p in patterns] or roots or ["."]


def _like(command: Command, words: list[str]) -> Command:
    other = Command()
    other.words, other.stdin, other.pipe = words, command.stdin, command.pipe
    other.output, other.captured = command.output, command.captured
    return other


def _with_packages(options: list[str]) -> str:
    wanted = any(o.startswith(("--with", "--with-requirements")) for o in options)
    return INSTALL if wanted else ""


def _installs(step: Step) -> str:
    words, name = step.words[1:], step.name
    if name in ("curl", "wget"):
        after = step.command.pipe
        shell = after and after.words and unwrap(after, [])[0][:1]
        return INSTALL if shell and shell[0].rpartition("/")[2] in (*_SHELLS, "python3") else ""
    if name.startswith("python") and words[:2] == ["-m", "pip"]:
        name, words = "pip", words[2:]
    elif name.startswith("python") and "-m" in words[:-1]:
        at = words.index("-m")
        name, words = words[at + 1], words[at + 2 :]
    elif name.startswith("python") and words[:1] == ["setup.py"]:
        return INSTALL if {"install", "develop"} & set(words) else ""
    if name == "uv" and words[:1] in (["pip"], ["tool"]):
        name, words = "pip", words[1:]
    if name.startswith("pip") and name not in _INSTALLERS:
        name = "pip"
    verbs = _INSTALLERS.get(name, ())
    said = [w for w in words if not w.startswith("-") or w in verbs]
    if any(w in ("--dry-run", "--help", "-h") for w in words):
        return ""
    return INSTALL if verbs and ((said[:1] and said[0] in verbs) or "" in verbs) else ""
