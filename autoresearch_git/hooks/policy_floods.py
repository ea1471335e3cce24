"""Output that would fill an agent's context: whole logs, logs that never end, raw training."""

from __future__ import annotations

from autoresearch_git.hooks.guard import Guard
from autoresearch_git.hooks.shell import Command
from autoresearch_git.hooks.step import Step, unwrap

LINES = 200  # that may be read of a log at once
LOG = "a whole log would fill the context: git ar show --log COMMIT, or tail -n 50 of it"
RAW = "training prints thousands of lines: run it with git ar run, which also records the result"
_WHOLE = ("cat", "tac", "nl", "bat", "less", "more", "most", "strings", "pv", "xxd", "od", "zcat")
_THROUGH = (
    *_WHOLE,
    "tee",
    "sort",
    "cut",
    "tr",
    "sed",
    "awk",
    "ts",
    "fold",
    "rev",
    "column",
    "grep",
)


def refuse(step: Step, guard: Guard) -> str:
    """Why a command would flood its reader, "" if it would not."""
    if step.command.captured or not _reaches_reader(step.command):
        return ""
    if _reads_whole_log(step):
        return LOG
    return RAW if _trains(step, guard) else ""


def trains(step: Step, guard: Guard) -> bool:
    """Whether the command is a raw run of the target, wherever its output goes."""
    return _trains(step, guard)


def _reaches_reader(command: Command) -> bool:
    """Whether all of a command's output arrives, pipes included."""
    while command.output:
        if command.pipe is None:
            return True
        command = command.pipe
        words = unwrap(command, [])[0]
        if not words or not _lets_all_through(words):
            return False
    return False


def _lets_all_through(words: list[str]) -> bool:
    name = words[0].rpartition("/")[2]
    if name in ("tail", "head"):
        return _amount(words) > LINES
    if name in ("grep", "egrep", "rg"):
        return _matches_all(words)
    if name in ("sed", "awk"):
        return _prints_all(name, words)
    return name in _THROUGH


def _reads_whole_log(step: Step) -> bool:
    files = [w for w in [*step.words[1:], *step.command.inputs] if _is_log(w)]
    if not files:
        return False
    name = step.name
    if name in ("tail", "head"):
        return _amount(step.words) > LINES
    if name in ("grep", "egrep", "rg"):
        return _matches_all(step.words)
    if name in ("sed", "awk", "gawk"):
        return _prints_all(name, step.words)
    return name in _WHOLE


def _is_log(word: str) -> bool:
    base = word.rpartition("/")[2].lower()
    return base.endswith((".log", ".log.txt", ".log.gz")) or base in ("nohup.out", "log.txt")


def _amount(words: list[str]) -> float:
    """How many lines head or tail would print; one that follows a file never ends."""
    amount, name = 10.0, words[0].rpartition("/")[2]
    for at, word in enumerate(words[1:], 1):
        if word == "--follow" or (word[:1] == "-" and word[1:2] in ("f", "F")):
            return float("inf")
        value, per_line = _count(word, words[at + 1] if at + 1 < len(words) else "")
        if value and value[0] == ("+" if name == "tail" else "-"):
            return float("inf")  # from a line on, or all but the last ones
        number = value.lstrip("+-")
        scale = {"k": 1024.0, "m": 1024.0**2}.get(number[-1:].lower(), 1.0)
        digits = number.rstrip("kKmMbB")
        amount = float(digits) * scale / per_line if digits.isdigit() else amount
    return amount


def _count(word: str, following: str) -> tuple[str, float]:
    """(the number that an option of head or tail gives, its units in a line)."""
    for option, unit in (("--lines", 1.0), ("--bytes", 80.0), ("-n", 1.0), ("-c", 80.0)):
        if word == option:
            return following, unit
        if word.startswith(option):
            return word[len(option) :].lstrip("="), unit
    if word[:1] in ("-", "+") and word[1:].isdigit():
        return word.lstrip("-"), 1.0
    return "", 1.0


def _matches_all(words: list[str]) -> bool:
    """Whether a grep's pattern matches every line and nothing limits it."""
    limits = ("-c", "-q", "-l", "-m", "--count", "--max-count", "--quiet")
    if any(w.startswith(limits) and not w.startswith("--color") for w in words[1:]):
        return False
    plain = [w for w in words[1:] if not w.startswith("-")]
    at = words.index("-e") if "-e" in words else -1
    pattern = words[at + 1] if 0 <= at < len(words) - 1 else (plain[0] if plain else "x")
    return pattern in ("", ".", ".*", "^", "$") and not any(
        "v" in w[1:] for w in words if w[:1] == "-"
    )


def _prints_all(name: str, words: list[str]) -> bool:
    plain = [w for w in words[1:] if not w.startswith("-")]
    script = plain[0] if plain else ""
    if name == "sed":
        quiet = any(w.startswith("-") and "n" in w for w in words[1:])
        stops = script.rstrip("}").endswith("q") or script[:1] == "$"
        return not quiet and not stops if script != "p" else True
    return script.strip("{} ") in ("1", "print", "print $0", "")


def _trains(step: Step, guard: Guard) -> bool:
    """A run of a target file by an interpreter, or of the target itself."""
    words, name = step.words, step.name
    if {"-h", "--help", "--version"} & set(words):
        return False
    if name.startswith(("python", "pypy")) or name in ("torchrun", "accelerate", "bash", "sh"):
        skip = False
        for at, word in enumerate(words[1:], 1):
            if skip:
                skip = False
            elif word == "-m" and not name.startswith("py"):
                skip = True
            elif word == "-m":
                module = words[at + 1].replace(".", "/") + ".py" if at + 1 < len(words) else ""
                return guard.is_target(module, step.folder)
            elif _short_c(word):
                return False
            elif word in ("-W", "-X"):
                skip = True
            elif not word.startswith("-") and word != "launch":
                return guard.is_target(word, step.folder)
        return False
    return "." in words[0] and guard.is_target(words[0], step.folder)


def _short_c(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word.endswith("c")
