"""The one entrance: `git ar VERB`, `git-ar VERB` and `git-ar-VERB` all come here.

Exit status: 0 done, 1 the user's or the machine's mistake (with the cure), 2 wrong usage,
130 interrupted, 141 nobody reads our output any more, 3 a bug of ours (with a log file).
"""

from __future__ import annotations

import importlib
import keyword
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from autoresearch_git import __version__
from autoresearch_git.errors import ArError

VERBS = {
    "init": "start a research: write the contract on its branch",
    "propose": "make the next experiments",
    "run": "execute experiments, whatever happens one fact each",
    "review": "judge what the runs showed",
    "select": "keep, discard, or remember as a near miss",
    "loop": "propose, run, review and select until a budget is spent",
    "confirm": "spend runs on the most valuable doubt",
    "doubt": "keeps that did not hold up, and what was built on them",
    "verify": "run an experiment again and compare",
    "simulate": "search policies side by side, without a GPU",
    "stop": "end a running loop",
    "steer": "a wish for the next proposals",
    "status": "where the research stands, on one screen",
    "log": "all experiments, oldest first",
    "show": "one experiment in full",
    "best": "the best experiment, and how sure that is",
    "elites": "the best of each niche",
    "near-misses": "what came close",
    "conjectures": "what the outcomes suggest, with their evidence",
    "knobs": "what the search can turn, in which range, and what is known of it",
    "diff": "two experiments side by side",
    "sync": "exchange the memory with another clone",
    "bundle": "the whole memory in one file",
    "unbundle": "take in such a file",
    "fsck": "prove that all views follow from the trail, or mend them",
    "gc": "pack what piled up; no event is ever dropped",
    "doctor": "what in this repository could harm the memory",
    "plot": "charts: progress, archive, knobs, loss curves",
    "report": "one page for people: hover, click, filter",
    "watch": "the running loop, live",
    "import": "take in results of another system",
    "export": "write results for another system",
    "finalize": "clean branches, one confirmed idea each",
    "modal": "what was rented at Modal: check, reap",
    "hooks": "hooks of git and of coding agents: install, status, check",
    "hook": "what those hooks call",
    "mcp": "the memory and the four verbs as an MCP server",
    "auto": "let an agent's session go on by itself, within budgets",
    "completion": "complete verbs and options in bash, zsh or fish",
}


class Verbs(click.Group):
    """A group that imports a verb's module only when that verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        name += "_" * keyword.iskeyword(name)  # commands/import_.py
        module = importlib.import_module(f"autoresearch_git.commands.{name}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="git-ar")
@click.option("-C", "folder", metavar="DIR", help="Run as if started in DIR.")
def cli(folder: str | None) -> None:
    """Autonomous ML research with git as its memory.

    \b
    git ar init                                             start here
    git ar propose | git ar run | git ar review | git ar select
    git ar loop --runs 20                                   the same, on its own
    git log --notes=ar --all                                what was learned, in plain git
    """
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise ArError(f"cannot go to {folder}: {error.strerror}") from None


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    args = list(sys.argv[1:] if argv is None else argv)
    name = os.environ.pop("GIT_AR_NAME", "") or Path(sys.argv[0]).name  # bin/git-ar sets it
    verb = name.removeprefix("git-ar-")
    if verb in VERBS:
        args.insert(0, verb)
    sys.exit(_guarded(args))


def _guarded(args: list[str]) -> int:
    if asked := os.environ.get("_GIT_AR_COMPLETE"):  # by the script of commands/completion.py
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "git-ar", "_GIT_AR_COMPLETE", asked)
    try:
        # Not cli.main(), which would turn a closed pipe into a plain exit status 1.
        with cli.make_context("git ar", args) as context:
            cli.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ArError as error:
        _say(f"git ar: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""))
        return 1
    except BrokenPipeError:
        # Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (KeyboardInterrupt, click.Abort):
        _say("git ar: interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 - the boundary: a bug ends here, with its log
        _say(f"git ar: this is a bug in git ar: {error!r}\n  hint: report it with {_log()}")
        return 3


def _say(text: str) -> None:
    click.echo(text, err=True)


def _log() -> str:
    """The file with the current exception's traceback."""
    import tempfile
    import traceback

    handle, name = tempfile.mkstemp(prefix="git-ar-", suffix=".log")
    with open(handle, "w", encoding="utf-8") as file:
        file.write(f"{sys.version}\n{sys.argv}\n{traceback.format_exc()}")
    return name
