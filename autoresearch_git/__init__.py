"""git ar: autonomous ML research with git as its memory."""

__version__ = "0.1.0"
