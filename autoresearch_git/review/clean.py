"""Moved to autoresearch_git.clean."""

from autoresearch_git.clean import ESCAPES, UNSAFE, clean, clean_lines

__all__ = ["ESCAPES", "UNSAFE", "clean", "clean_lines"]
