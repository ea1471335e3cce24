"""Model-guided moves of the knobs: candidates around a setting, the most promising one taken."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoresearch_git.search import model as models
from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Array = NDArray[Any]

CANDIDATES = 600
RISK = 0.25  # settings more likely to crash than this are not proposed


@dataclass(frozen=True)
class Move:
    """New source texts of some knobs, and the predicted change of cost (lower is better)."""

    values: Mapping[str, str]
    expected: float | None = None
    risk: float = 0.0


def random_move(knobs: Sequence[Knob], count: int, size: float, rng: random.Random) -> Move:
    """Without a model: steps of about `size` of the range in `count` random knobs."""
    chosen = rng.sample(list(knobs), min(count, len(knobs)))
    return Move({knob.name: space.step(knob, size, rng) for knob in chosen})


def guided_move(
    model: models.Model,
    knobs: Sequence[Knob],
    present: Mapping[str, str],
    size: float,
    rng: random.Random,
    limit: int | None = None,
) -> Move | None:
    """The candidate with the best expected improvement that is likely to run.

    Candidates change only `knobs`, at most `limit` at once, by about `size` of their range.
    """
    import numpy as np

    column = {name: i for i, name in enumerate(model.names)}
    free = [knob for knob in knobs if knob.name in column]
    if not free:
        return None
    start = np.array(model.encode(present))
    where = np.array([column[knob.name] for knob in free])
    x = _candidates(
        start, where, free, model, size, np.random.default_rng(rng.getrandbits(64)), limit
    )
    x = x[np.abs(x - start).max(axis=1) > 1e-9]
    if len(x) == 0:
        return None
    mean, deviation = model.process.predict(x)
    risk = model.risk.predict(x)
    score = models.improvement(mean, deviation, model.best) * (1 - risk) ** 2
    safe = risk <= max(RISK, float(risk.min()))
    pick = int(np.argmax(np.where(safe, score, -1.0)))
    here = float(model.process.predict(start[None, :])[0][0])
    values = {
        knob.name: space.source(knob, space.from_unit(knob.range, float(x[pick, i])))
        for knob, i in zip(free, where, strict=True)
        if abs(x[pick, i] - start[i]) > 1e-9
    }
    values = {name: text for name, text in values.items() if text != present.get(name)}
    return Move(values, float(mean[pick]) - here, float(risk[pick])) if values else None


def _candidates(
    start: Array,
    where: Array,
    free: Sequence[Knob],
    model: models.Model,
    size: float,
    rng: Generator,
    limit: int | None,
) -> Array:
    """Random moves from the start, sparse ones most often, snapped to values that exist."""
    import numpy as np

    d = len(where)
    most = min(d, limit or d)
    count = np.minimum(rng.geometric(0.3, CANDIDATES), most)
    order = rng.random((CANDIDATES, d)).argsort(axis=1)
    mask = order < count[:, None]
    # a knob that matters little can move far; one with a short length scale moves carefully
    lengths = model.process.lengths[where]
    reach = np.clip(lengths / np.exp(np.mean(np.log(lengths))), 0.5, 2.0) * size
    scale = reach * np.exp(rng.normal(0, 0.7, (CANDIDATES, 1)))
    moved = start[where] + mask * rng.normal(size=(CANDIDATES, d)) * scale
    moved = np.abs(moved)  # reflected at the borders
    moved = np.clip(np.where(moved > 1, 2 - moved, moved), 0, 1)
    x = np.tile(start, (CANDIDATES, 1))
    for k, knob in enumerate(free):
        x[:, where[k]] = np.where(
            mask[:, k], _snap(knob, moved[:, k], start[where[k]], rng), start[where[k]]
        )
    return np.asarray(x)


def _snap(knob: Knob, unit: Array, start: float, rng: Generator) -> Array:
    """Coordinates of existing values: choices drawn evenly, small steps reach the neighbour."""
    import numpy as np

    count = space.values(knob.range)
    if knob.range.kind == "choice":
        return np.asarray(rng.integers(0, count, len(unit)) / max(1, count - 1))
    if count < 2:
        return unit
    if knob.range.kind == "log":  # integers on a logarithmic axis are not evenly spaced
        return np.array(
            [space.to_unit(knob.range, space.from_unit(knob.range, float(u))) for u in unit]
        )
    grid = np.round(unit * (count - 1))
    stuck = grid == round(start * (count - 1))
    grid = np.where(stuck, grid + np.where(unit >= start, 1, -1), grid)
    return np.clip(grid, 0, count - 1) / (count - 1)
