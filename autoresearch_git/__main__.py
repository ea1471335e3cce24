"""The entrance of `python -m autoresearch_git` and of the program git-ar.

`git ar hook` runs before every tool call of an agent, so it is served before click is imported;
so is a `git ar sync` that finds nothing new.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit."""
    if sys.argv[1:2] == ["hook"] and not {"-h", "--help"} & set(sys.argv[2:3]):
        from autoresearch_git.hooks.entry import main as hook

        status = hook(sys.argv[2:])
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # nothing is left to do; taking the interpreter down takes milliseconds
    if sys.argv[1:2] == ["sync"]:
        _sync_if_idle(sys.argv[2:])
    from autoresearch_git.cli import main as cli

    cli()


def _sync_if_idle(args: list[str]) -> None:
    """Serve a sync that finds nothing new; returns where there is something to do or to say."""
    from autoresearch_git.memory.idle import report

    try:
        said = report(args)
    except OSError:
        return
    except KeyboardInterrupt:
        sys.stderr.write("git ar: interrupted\n")
        os._exit(130)
    if said:
        try:
            sys.stdout.write(said)
            sys.stdout.flush()
        except BrokenPipeError:
            os._exit(141)
        os._exit(0)


if __name__ == "__main__":
    main()
