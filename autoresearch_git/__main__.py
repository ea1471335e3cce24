"""The entrance of `python -m autoresearch_git` and of the program git-ar.

`git ar hook` runs before every tool call of an agent, so it is served before click is imported.
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
    from autoresearch_git.cli import main as cli

    cli()


if __name__ == "__main__":
    main()
