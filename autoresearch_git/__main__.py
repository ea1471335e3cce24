"""`python -m autoresearch_git`: the same entrance as git-ar."""

from autoresearch_git.cli import main

if __name__ == "__main__":
    main()
