"""What an agent may not do with git: push, rewrite, throw work away, switch hooks off."""

from __future__ import annotations

from autoresearch_git.hooks.guard import Guard
from autoresearch_git.hooks.step import PUSH, SWITCH, Step, protected

HISTORY = "history stays as it is: make a new commit (git revert undoes one)"
WORK = "that throws away files of the working tree: name the target file alone, or commit first"
OWN = "git ar keeps these refs itself"
HOOKS = "that skips the hooks"
_VALUES = ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")
_NEVER = {
    "push": PUSH, "send-pack": PUSH, "filter-branch": HISTORY, "filter-repo": HISTORY,
    "rebase": HISTORY, "replace": HISTORY, "prune": HISTORY, "update-ref": OWN,
    "symbolic-ref": OWN, "clean": WORK, "fast-import": HISTORY,
    "subtree": PUSH, "svn": PUSH,
}  # fmt: skip


def refuse(step: Step, guard: Guard) -> str:
    """Why a git command is refused, "" if it may run."""
    if step.name in ("gh", "hub", "glab"):
        pushes = step.plain()[:2] in (["pr", "create"], ["mr", "create"], ["repo", "sync"])
        return PUSH if pushes or step.plain()[:1] == ["push"] else ""
    settings, folder, words = _globals(step)
    if step.name.startswith("git-") and step.name != "git-ar":
        words = [step.name[4:], *words]
    if not words:
        return ""
    verb, rest = words[0], words[1:]
    if step.name == "git-ar":
        verb, rest = "ar", words
    if "core.hookspath" in settings.lower():
        return HOOKS
    if verb in _NEVER and not {"--dry-run", "-n", "--help", "-h"} & set(rest):
        return "" if _only_shows(verb, rest) else _NEVER[verb]
    check = _CHECKS.get(verb)
    return check(rest, folder, guard, step) if check else ""


def _only_shows(verb: str, rest: list[str]) -> bool:
    if verb == "rebase":
        return rest[:1] == ["--abort"]
    if verb in ("subtree", "svn"):
        return rest[:1] not in (["push"], ["dcommit"])
    return verb == "symbolic-ref" and len([w for w in rest if not w.startswith("-")]) == 1


def _globals(step: Step) -> tuple[str, str, list[str]]:
    """(values of -c, the folder it works in, the verb and what follows)."""
    import os

    settings, folder, words = "", step.folder, step.words[1:]
    if step.name.startswith("git-"):
        return "", folder, words
    while words and words[0].startswith("-"):
        option, equals, value = words[0].partition("=")
        taken = 1
        if option in _VALUES and not equals:
            value, taken = (words[1] if len(words) > 1 else ""), 2
        if option == "-C":
            folder = os.path.normpath(os.path.join(folder, os.path.expanduser(value)))
        if option in ("-c", "--config-env"):
            settings += " " + (value if option == "-c" and not equals else words[0])
        words = words[taken:]
    return settings, folder, words


def _flags(rest: list[str]) -> set[str]:
    """Long options without their values, and each letter of the short ones."""
    found = set()
    for word in rest:
        if word == "--":
            break
        if word.startswith("--"):
            found.add(word.partition("=")[0])
        elif word.startswith("-"):
            found |= {"-" + letter for letter in word[1:]}
    return found


def _names(rest: list[str]) -> list[str]:
    return [word for word in rest if not word.startswith("-")]


def _hit(names: list[str], folder: str, guard: Guard, deep: bool = True) -> str:
    for name in names:
        if hit := guard.hit(name, folder, deep):
            return protected(hit) if hit != ".git" else WORK
    return ""


def _checkout(rest: list[str], folder: str, guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    if {"-B", "-f", "--force"} & flags:
        return HISTORY if "-B" in flags else WORK
    return _hit(rest[rest.index("--") + 1 :] if "--" in rest else _names(rest), folder, guard)


def _switch(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    if {"-C", "--force-create"} & flags:
        return HISTORY
    return WORK if {"-f", "--force", "--discard-changes"} & flags else ""


def _restore(rest: list[str], folder: str, guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    if ("--staged" in flags or "-S" in flags) and not {"--worktree", "-W"} & flags:
        return ""
    return _hit(_names(rest), folder, guard)


def _reset(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    if {"--hard", "--merge", "--keep"} & flags:
        return "git reset --hard throws work away; " + HISTORY
    if "--" in rest:
        return ""
    names = _names(rest)
    moves = names and (names[0] not in ("HEAD", "@") and _is_revision(names[0]))
    return HISTORY if moves else ""


def _is_revision(name: str) -> bool:
    digits = len(name) >= 7 and all(c in "0123456789abcdef" for c in name)
    return "~" in name or "^" in name or "@{" in name or digits or name in ("main", "ORIG_HEAD")


def _commit(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    flags = _flags(_without_messages(rest))
    if "--amend" in flags:
        return HISTORY
    return HOOKS if {"--no-verify", "-n"} & flags else ""


def _without_messages(rest: list[str]) -> list[str]:
    kept, skip = [], False
    for word in rest:
        if skip:
            skip = False
            continue
        if word.startswith("-") and not word.startswith("--") and "m" in word:
            kept.append(word.partition("m")[0])  # -am "text": what follows m is the message
            skip = word.endswith("m")
            continue
        skip = word in ("--message", "-F", "--file", "--author", "--date", "--trailer", "-C", "-c")
        kept.append(word)
    return kept


def _branch(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    research = any("autoresearch/" in name for name in _names(rest))
    if {"-D", "-f", "--force", "-M", "-C"} & flags:
        return HISTORY
    return HISTORY if research and {"-d", "--delete", "-m", "--move"} & flags else ""


def _tag(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    flags = _flags(rest)
    return HISTORY if {"-d", "--delete", "-f", "--force"} & flags else ""


def _stash(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    return WORK if rest[:1] in (["drop"], ["clear"]) else ""


def _notes(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    verbs = ("add", "append", "edit", "copy", "remove", "prune", "merge")
    return OWN if any(word in verbs for word in rest) else ""


def _reflog(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    return HISTORY if rest[:1] in (["expire"], ["delete"]) else ""


def _gc(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    return HISTORY if any(w.startswith("--prune") or w == "--aggressive" for w in rest) else ""


def _remove(rest: list[str], folder: str, guard: Guard, _step: Step) -> str:
    return "" if "--dry-run" in rest else _hit(_names(rest), folder, guard)


def _apply(rest: list[str], folder: str, guard: Guard, step: Step) -> str:
    from autoresearch_git.hooks.policy_files import patched

    if {"--check", "--stat", "--numstat"} & set(rest):
        return ""
    # A patch that comes down a pipe is named by what makes it: git diff REV -- FILE | git apply
    names = [*patched(step.command.stdin), *step.fed]
    return _hit(names, folder, guard, deep=False)


def _worktree(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    forced = rest[:1] == ["remove"] and {"-f", "--force"} & _flags(rest)
    return WORK if forced else ""


def _config(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    names = [w.lower() for w in _names(rest)]
    reads = {"--get", "--list", "-l", "--get-all", "--get-regexp"} & set(rest) or "get" in names[:1]
    if reads or len(names) < 2:
        return ""
    if any(n.startswith(("core.hookspath", "hook.", "ar.", "alias.")) for n in names):
        return HOOKS if not any(n.startswith("ar.") for n in names) else SWITCH
    return ""


def _pull(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    return HISTORY if {"--rebase", "-r"} & _flags(rest) else ""


def _lfs(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    return PUSH if rest[:1] == ["push"] else ""


def _ar(rest: list[str], _folder: str, _guard: Guard, _step: Step) -> str:
    names = _names(rest)
    switches = (["auto", "on"], ["hooks", "install"], ["hooks", "uninstall"])
    return SWITCH if names[:2] in switches and "--help" not in rest else ""


_CHECKS = {
    "checkout": _checkout, "switch": _switch, "restore": _restore, "reset": _reset,
    "commit": _commit, "branch": _branch, "tag": _tag, "stash": _stash, "notes": _notes,
    "reflog": _reflog, "gc": _gc, "rm": _remove, "mv": _remove, "apply": _apply, "am": _apply,
    "worktree": _worktree, "config": _config, "ar": _ar, "pull": _pull, "lfs": _lfs,
}  # fmt: skip
