"""Coding agents as proposers: how each is started, what it is told, what it may cost."""
