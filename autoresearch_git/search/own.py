"""A landscape of the user's own facts: what the search would have met in this research."""

from __future__ import annotations

from collections.abc import Mapping

from autoresearch_git.errors import ArError
from autoresearch_git.history import History
from autoresearch_git.search import landscape, space
from autoresearch_git.search.insight import Insight
from autoresearch_git.search.landscape import Landscape, Trial

FEWEST = 30  # results below which a surrogate says nothing


def of_history(history: History, files: Mapping[str, str]) -> Landscape:
    """The landscape fitted on a history, given the incumbent's target files.

    It starts where the research did.

    Values are costs: lower is better whatever the metric's direction. Raises ArError when the
    history is too short or no knob ever moved.
    """
    home = history.incumbent or history.best or history.baseline
    if home is None:
        raise ArError("nothing has been run yet", "run some experiments first: git ar loop")
    insight = Insight(history, home, files)
    points = insight.points
    results = sum(point.result is not None for point in points)
    if results < FEWEST:
        raise ArError(
            f"{results} results are too few for a landscape, {FEWEST} are needed",
            "simulate on a table of trials: git ar simulate --trials FILE",
        )
    ranges = {
        knob.name: knob.range
        for knob in insight.knobs
        if len({point.values.get(knob.name) for point in points}) > 1
    }
    if not ranges:
        raise ArError("no knob ever moved, there is nothing to search")
    trials = []
    for point in points:
        parsed = {name: space.parse(point.values.get(name, "")) for name in ranges}
        setting = {name: value for name, value in parsed.items() if value is not None}
        if len(setting) == len(ranges) and not point.pending:
            cost = None if point.result is None else insight.sign * point.result
            trials.append(Trial(setting, cost, point.commit))
    first = history.baseline.commit if history.baseline else home.commit
    start = next((t.setting for t in trials if t.group == first), None)
    if start is None:  # of another contract, or its setting cannot be rebuilt
        start = {k.name: k.value for k in insight.knobs if k.name in ranges}
    truth = landscape.fit(trials, ranges)
    return Landscape(ranges, start, truth, lambda value: history.sigma, history.sigma)
