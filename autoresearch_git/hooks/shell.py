"""A shell command line as commands, redirections and pipes: what a policy has to know of it.

Not a shell: nothing is run, and what only a run can tell stays as it is written. But quotes,
escapes, operators, here-documents, substitutions, loops over words, simple variables and `cd` are
read as sh reads them, so that a rule never has to look for substrings.
"""

from __future__ import annotations

OPERATORS = (
    *("&>>", "<<<", "<<-", "&&", "||", ";;", "|&", "&>", ">>", "<<", ">&", "<&", ">|", "<>"),
    *(";", "|", "&", ">", "<", "(", ")", "\n"),
)
REDIRECTIONS = ("&>>", "&>", ">>", ">|", ">&", "<>", "<<<", "<<-", "<<", "<&", ">", "<")
KEYWORDS = ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}")
BLANK = " \t\r"
MOST = 100_000  # characters that are looked at


class Word:
    """One word: its text without quotes, and whether the shell would expand globs in it."""

    __slots__ = ("glob", "parts", "text")

    def __init__(self) -> None:
        self.text = ""
        self.glob = False
        self.parts: list[tuple[str, bool]] = []  # (text, may hold $NAME)

    def add(self, text: str, live: bool = False) -> None:
        self.text += text
        self.parts.append((text, live))


class Command:
    """One simple command as it stands in the line."""

    __slots__ = ("captured", "folder", "inputs", "output", "outputs", "pipe", "stdin", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.outputs: list[str] = []  # files that redirections write
        self.inputs: list[str] = []
        self.stdin = ""  # of a here-document or here-string
        self.output = True  # its stdout goes where the line's stdout goes, or down the pipe
        self.pipe: Command | None = None  # the next command of the pipeline
        self.captured = False  # its stdout becomes words of another command
        self.folder = ""  # of the `cd`s before it, relative to where the line starts


def parse(text: str) -> list[Command]:
    """All simple commands of a line, nested ones included, in the order in which they stand."""
    reader = _Reader(text[:MOST])
    reader.line(until="")
    return reader.commands


class _Reader:
    def __init__(self, text: str, variables: dict[str, list[str]] | None = None) -> None:
        self.text, self.at = text, 0
        self.commands: list[Command] = []
        self.variables: dict[str, list[str]] = {} if variables is None else variables
        self.waiting: list[tuple[Command, str, bool, bool]] = []  # here-documents to come
        self.folder = ""
        self.open: list[int] = []  # where the groups that we are in began
        self.group: list[Command] = []  # the commands of the group that was just closed

    def line(self, until: str) -> None:
        """Read commands up to the closing character of a nested line, or the end."""
        previous: list[Command] = []
        command, depth = Command(), 0
        while True:
            token = self.token()
            if token == "" or (token == until and isinstance(token, str) and not depth):
                self.finish(command, previous)
                return
            if isinstance(token, Word):
                command.words += self.expand(token)
            elif token in REDIRECTIONS:
                self.redirect(command, token)
            else:
                done = self.finish(command, previous)
                previous = done if token in ("|", "|&") else []
                command = Command()
                if token == "\n":
                    self.here_documents()
                elif token == "(":
                    depth += 1
                    self.open.append(len(self.commands))
                elif token == ")":
                    depth -= 1
                    self.close()

    def close(self) -> None:
        self.group = self.commands[self.open.pop() :] if self.open else []

    def finish(self, command: Command, previous: list[Command]) -> list[Command]:
        """Keep a command that is complete; whose output the next one of a pipe would get."""
        self.settle(command)
        if not (command.words or command.outputs or command.inputs):
            return self.group or previous
        if not command.words:  # redirections of a whole group
            for inner in self.group:
                inner.output = inner.output and command.output
        command.folder = self.folder
        for each in previous:
            each.pipe = each.pipe or command
        if command.words[:1] in (["cd"], ["pushd"]):
            self.folder = _join(self.folder, command.words[1] if len(command.words) > 1 else "~")
        self.commands.append(command)
        group, self.group = self.group, []
        return [command] if command.words else group

    def settle(self, command: Command) -> None:
        """Take keywords and assignments off the front, and remember what they set."""
        words = command.words
        while words:
            name, equals, value = words[0].partition("=")
            if words[0] in KEYWORDS:
                if words[0] in ("{", "do"):
                    self.open.append(len(self.commands))
                elif words[0] in ("}", "done"):
                    self.close()
                del words[0]
            elif words[0] == "for" and len(words) > 2 and words[2] == "in":
                self.variables[words[1]] = words[3:]
                words.clear()
            elif words[0] == "case":
                words.clear()
            elif equals and name.replace("_", "a").isalnum() and not name[0].isdigit():
                self.variables[name] = [value]
                del words[0]
            elif words[0] in ("export", "local", "readonly", "declare") and len(words) > 1:
                del words[0]
            else:
                return

    def redirect(self, command: Command, token: str) -> None:
        descriptor = ""
        if command.words and command.words[-1].startswith("\0"):
            descriptor = command.words.pop()[1:]  # the 2 of 2>
        word = self.token()
        if not isinstance(word, Word):
            return
        if token in ("<<", "<<-"):
            quoted = any(not live for _, live in word.parts)
            self.waiting.append((command, word.text, token == "<<-", quoted))
            return
        for target in self.expand(word):
            if token == "<<<":
                command.stdin += target + "\n"
            elif token in ("<", "<&"):
                command.inputs.append(target)
            elif not (token == ">&" and (target.isdigit() or target == "-")):
                command.outputs.append(target)
                if descriptor in ("", "1"):
                    command.output = False

    def here_documents(self) -> None:
        for command, mark, tabs, quoted in self.waiting:
            lines = []
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = end + 1
                line = line.lstrip("\t") if tabs else line
                if line == mark:
                    break
                lines.append(line)
            body = "\n".join(lines) + "\n"
            command.stdin += body
            if not quoted and ("$(" in body or "`" in body):
                self.nested_in(body)
        self.waiting.clear()

    def nested_in(self, body: str) -> None:
        """Commands that the shell runs while it fills in an unquoted here-document."""
        inner = _Reader(body, self.variables)
        while inner.at < len(body):
            if body.startswith("$(", inner.at) or body[inner.at] == "`":
                inner.substitution(Word())
            else:
                inner.at += 1
        self.commands += inner.commands

    def token(self) -> Word | str:
        """The next word or operator; "" at the end."""
        text = self.text
        while self.at < len(text):
            if text[self.at] in BLANK:
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                break
        for operator in OPERATORS:
            if text.startswith(operator, self.at):
                if operator in ("<", ">") and text.startswith("(", self.at + 1):
                    break  # process substitution: part of a word
                self.at += len(operator)
                return operator
        if self.at >= len(text):
            return ""
        return self.word()

    def word(self) -> Word:
        text, word = self.text, Word()
        start = self.at
        while self.at < len(text):
            char = text[self.at]
            if char in "'\"":
                self.quoted(word, char)
            elif char == "\\":
                if text[self.at + 1 : self.at + 2] != "\n":
                    word.add(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif char in "$`" or text.startswith(("<(", ">("), self.at):
                self.dollar(word, live=True)
            elif char in BLANK or char in ";|&<>()\n":
                break
            else:
                word.glob = word.glob or char in "*?["
                word.add(char, live=True)
                self.at += 1
        bare = word.text.isdigit() and text[start : self.at] == word.text
        if bare and text[self.at : self.at + 1] in ("<", ">"):
            word.text, word.parts = "\0" + word.text, [("\0" + word.text, False)]
        return word

    def quoted(self, word: Word, quote: str) -> None:
        text = self.text
        self.at += 1
        word.add("")
        while self.at < len(text) and text[self.at] != quote:
            if (
                quote == '"'
                and text[self.at] == "\\"
                and text[self.at + 1 : self.at + 2] in '"\\$`'
            ):
                word.add(text[self.at + 1 : self.at + 2])
                self.at += 2
            elif quote == '"' and text[self.at] in "$`":
                self.dollar(word, live=True)
            else:
                word.add(text[self.at])
                self.at += 1
        self.at += 1

    def dollar(self, word: Word, live: bool) -> None:
        text = self.text
        if text[self.at] != "$" or text.startswith("$(", self.at):
            self.substitution(word)
        elif text.startswith("$'", self.at):
            self.at += 1
            self.quoted(word, "'")
        elif text.startswith("${", self.at):
            end = text.find("}", self.at)
            end = len(text) if end < 0 else end + 1
            word.add(text[self.at : end], live)
            self.at = end
        else:
            end = self.at + 1
            while end < len(text) and (text[end].isalnum() or text[end] == "_"):
                end += 1
            word.add(text[self.at : end], live)
            self.at = max(end, self.at + 1)

    def substitution(self, word: Word) -> None:
        """`$(...)`, backquotes, `<(...)`: read what is inside as commands of their own."""
        text, start = self.text, self.at
        if text[start] == "`":
            end = text.find("`", start + 1)
            end = len(text) if end < 0 else end
            inner = _Reader(text[start + 1 : end], self.variables)
            inner.line(until="")
            self.at = end + 1
        else:
            inner = _Reader(text, self.variables)
            inner.at = start + 2
            inner.line(until=")")
            self.at = inner.at
        for command in inner.commands:
            command.captured = True
        self.commands += inner.commands
        word.add(text[start : self.at])

    def expand(self, word: Word) -> list[str]:
        """The word with known variables and braces filled in; more than one for a loop's."""
        found = [""]
        for part, live in word.parts:
            values = [part]
            name = part[1:].strip("{}") if live and part[:1] == "$" else ""
            if name in self.variables:
                values = self.variables[name] or [""]
            found = [head + value for head in found for value in values][:64]
        if "{" in word.text and "," in word.text:
            found = [each for text in found for each in _braces(text)]
        return found


def _braces(text: str) -> list[str]:
    start, end = text.find("{"), text.find("}")
    inside = text[start + 1 : end]
    if start < 0 or end < start or "," not in inside or text[max(0, start - 1)] == "$":
        return [text]
    return [text[:start] + part + text[end + 1 :] for part in inside.split(",")]


def _join(folder: str, step: str) -> str:
    return step if step.startswith(("/", "~")) or not folder else folder + "/" + step
