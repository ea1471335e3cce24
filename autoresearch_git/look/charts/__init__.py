"""The charts that `git ar plot` draws with matplotlib: a name, and a function (axes, data)."""
