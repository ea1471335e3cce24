"""Manual pages from click's commands: git-ar.1 and one page a verb, written by bin/manual."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from inspect import cleandoc
from pathlib import Path

import click

_EXIT = (
    ("0", "done"),
    ("1", "the user's or the machine's mistake; the message says the cure"),
    ("2", "wrong usage"),
    ("3", "a bug in git ar; the message names a log file"),
    ("130", "interrupted"),
    ("141", "nobody reads the output any more"),
)


def pages(group: click.Group) -> dict[str, str]:
    """File name -> text of all pages."""
    context = click.Context(group, info_name="git ar")
    verbs = {name: group.get_command(context, name) for name in group.list_commands(context)}
    known = {name: command for name, command in verbs.items() if command}
    found = {f"git-ar-{name}.1": _verb(name, command) for name, command in known.items()}
    return found | {"git-ar.1": _group(group, known)}


def _group(group: click.Group, verbs: dict[str, click.Command]) -> str:
    lines = _head("git-ar", "autonomous ML research with git as its memory")
    lines += [".SH SYNOPSIS", ".B git ar", "[\\-C DIR] VERB [ARGUMENTS]"]
    lines += [".SH DESCRIPTION", *_text(group.help or ""), ".SH VERBS"]
    for name, command in verbs.items():
        lines += [".TP", f".BR git\\-ar\\-{_plain(name)} (1)", _plain(_short(command))]
    lines += _options(group)
    return "\n".join([*lines, *_tail(("gitnotes(7)", "git-worktree(1)"))]) + "\n"


def _verb(name: str, command: click.Command) -> str:
    lines = _head(f"git-ar-{name}", _short(command))
    context = click.Context(command, info_name=f"git ar {name}")
    usage = " ".join(command.collect_usage_pieces(context))
    lines += [".SH SYNOPSIS", f".B git ar {_plain(name)}", _plain(usage)]
    lines += [".SH DESCRIPTION", *_text(command.help or ""), *_options(command)]
    return "\n".join([*lines, *_tail(("git-ar(1)",))]) + "\n"


def _head(name: str, about: str) -> list[str]:
    title = name.upper().replace("-", "\\-")
    about = about[:1].lower() + about[1:].rstrip(".")
    return [f'.TH "{title}" "1" "" "git ar" "git ar"', ".SH NAME", f"{name} \\- {_plain(about)}"]


def _tail(others: tuple[str, ...]) -> list[str]:
    lines = [".SH EXIT STATUS"]
    for status, meaning in _EXIT:
        lines += [".TP", f".B {status}", _plain(meaning)]
    return [*lines, ".SH SEE ALSO", _plain(", ".join(others))]


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    found = [param.get_help_record(context) for param in command.get_params(context)]
    lines = [".SH OPTIONS"]
    for record in filter(None, found):
        names, about = record
        if "--help" in names:  # click says one or the other, as the command was called before
            names = "-h, --help"
        lines += [".TP", f".B {_plain(names)}", _plain(about) or "\\&"]
    return lines if len(lines) > 1 else []


def _text(text: str) -> Iterator[str]:
    """Paragraphs; those after click's \\b are kept as they are."""
    for part in cleandoc(text).split("\n\n"):
        if part.startswith("\b"):
            yield from (".PP", ".nf", *map(_plain, part.split("\n")[1:]), ".fi")
        else:
            yield from (".PP", _plain(" ".join(part.split())))


def _short(command: click.Command) -> str:
    return command.get_short_help_str(limit=200)


def _plain(text: str) -> str:
    """Text for roff: backslashes and dashes as themselves, no line that is taken for a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text.startswith((".", "'")) else text


def main(folder: str) -> None:
    """Write all pages into a folder, and remove those of verbs that are no more."""
    group = import_module("autoresearch_git.cli").cli  # above us: a script, not an import
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    made = pages(group)
    for old in place.glob("git-ar*.1"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (place / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
