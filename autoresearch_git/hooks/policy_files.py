"""Which files a command would write, by the program that it starts."""

from __future__ import annotations

from autoresearch_git.hooks.step import Step

_ALL = (
    "tee",
    "truncate",
    "sponge",
    "dos2unix",
    "unix2dos",
    "vim",
    "vi",
    "nvim",
    "ex",
    "ed",
    "nano",
)
_FORMATTERS = ("black", "isort", "autopep8", "yapf", "prettier", "clang-format", "2to3")
_DEEP = ("rm", "unlink", "shred", "rmdir", "trash", "srm")
_INTERPRETERS = ("python", "perl", "ruby", "node", "php", "pypy", "bun", "deno")
Written = list[tuple[str, bool]]  # (path, whether a folder stands for all below it)


def written(step: Step) -> Written:
    """(path, deep) of what a command would write or remove, as far as its words say."""
    name, plain = step.name, [*step.plain(), *step.fed]
    if name in _ALL or name in _DEEP:
        return [(path, name in _DEEP) for path in plain]
    if name == "dd":
        return [(word[3:], False) for word in step.words if word.startswith("of=")]
    if name in ("curl", "wget", "sort", "gcc", "cc"):
        return _after(step, ("-o", "-O", "--output", "--output-document"))
    for names, look in _LOOKS:
        if name in names:
            return look(step, plain)
    return []


def _patches(step: Step, plain: list[str]) -> Written:
    text = step.command.stdin or "\n".join(step.words[1:])
    return [(path, False) for path in [*patched(text), *(plain if step.name == "patch" else [])]]


def _edits(step: Step, plain: list[str]) -> Written:
    if step.name in ("awk", "gawk"):
        return [(path, False) for path in plain] if "inplace" in step.words else []
    edits = any(_short(word, "i") for word in step.words[1:])
    return [(path, False) for path in plain] if edits else []


def inline(step: Step) -> str | None:
    """The program text that an interpreter is given on its command line or on stdin."""
    if not step.name.startswith(_INTERPRETERS):
        return None
    for at, word in enumerate(step.words[1:], 1):
        if not word.startswith("-"):
            return None
        if word == "-" or word == "-m":
            break
        if _short(word, "c") or _short(word, "e") or word == "--eval":
            return " ".join(step.words[at + 1 : at + 2])
    return step.command.stdin or None


def patched(text: str) -> list[str]:
    """The files that a patch names: the format of apply_patch, and unified diffs."""
    found = []
    marks = ("*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: ")
    for line in text.splitlines():
        for mark in marks:
            if line.startswith(mark):
                found.append(line[len(mark) :].strip())
        if line.startswith(("+++ ", "--- ")) and not line.startswith(("+++ /dev/", "--- /dev/")):
            path = line[4:].partition("\t")[0].strip()
            found.append(path[2:] if path.startswith(("a/", "b/")) else path)
        if line.startswith(("rename from ", "rename to ")):
            found.append(line.split(" ", 2)[2])
    return found


def _short(word: str, letter: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and letter in word[1:]


def _in_place(step: Step, plain: list[str]) -> Written:
    options = [w for w in step.words[1:] if w.startswith("-")]
    if not any(w.startswith("--in-place") or (_short(w, "i") and w != "--") for w in options):
        return []
    scripted = any(
        w in ("-e", "-f", "--expression", "--file") or w.startswith("-e") for w in options
    )
    return [(path, False) for path in (plain if scripted else plain[1:])]


def _copies(step: Step, plain: list[str]) -> Written:
    import os

    found: Written = _after(step, ("-t", "--target-directory"))
    sources, into = plain, found[0][0] if found else ""
    if not into and len(plain) > 1:
        sources, into = plain[:-1], plain[-1]
    if not into:
        return []
    full = os.path.join(step.folder, os.path.expanduser(into))
    if into.endswith("/") or os.path.isdir(full):
        found = [(into.rstrip("/") + "/" + os.path.basename(s.rstrip("/")), False) for s in sources]
    else:
        found = [(into, False)]
    if step.name == "mv":
        found += [(source, True) for source in sources]
    return found


def _formats(step: Step, plain: list[str]) -> Written:
    words = step.words[1:]
    if {"--check", "--diff", "--check-only", "--help"} & set(words):
        return []
    if step.name == "ruff":
        if plain[:1] == ["check"] and "--fix" not in words:
            return []
        if plain[:1] not in (["check"], ["format"]):
            return []
        plain = plain[1:]
    writes = {
        "prettier": "--write",
        "autopep8": "-i",
        "yapf": "-i",
        "clang-format": "-i",
        "2to3": "-w",
    }
    if step.name in writes and not any(w in words for w in (writes[step.name], "--in-place")):
        return []
    return [(path, True) for path in (plain or ["."])]


def _after(step: Step, options: tuple[str, ...]) -> Written:
    found: Written = []
    for at, word in enumerate(step.words):
        if word in options and at + 1 < len(step.words):
            found.append((step.words[at + 1], False))
        for option in options:
            if option.startswith("--") and word.startswith(option + "="):
                found.append((word[len(option) + 1 :], False))
    return found


_LOOKS = (
    (("sed", "gsed"), _in_place),
    (("perl", "ruby", "awk", "gawk"), _edits),
    (("cp", "mv", "install", "ln", "rsync", "scp", "link"), _copies),
    (("patch", "apply_patch", "applypatch"), _patches),
    ((*_FORMATTERS, "ruff"), _formats),
)
