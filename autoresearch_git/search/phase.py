"""The phase of the research, read from the history: what kind of move is due."""

from __future__ import annotations

from autoresearch_git.history import History
from autoresearch_git.search.points import crashed

PLATEAU = 5  # decisions without a gain before the mode changes
CRASH_WINDOW = 6


def phase(history: History) -> str:
    """One of records.PHASES.

    Baseline first; stabilize while crashes pile up; exploit while gains come; on a plateau
    explore and recombine take turns of PLATEAU decisions each.
    """
    if history.baseline is None:
        return "baseline"
    decided = [each for each in history.recent if each.runs][-CRASH_WINDOW:]
    if sum(crashed(each) for each in decided) * 2 >= CRASH_WINDOW:
        return "stabilize"
    if history.plateau < PLATEAU:
        return "exploit"
    enough = len(history.near_misses) + len(history.elites) >= 2
    turn = (history.plateau // PLATEAU) % 3
    if turn == 2 and enough:
        return "recombine"
    return "explore" if turn == 1 else "exploit"
