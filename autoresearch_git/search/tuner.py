"""Model-guided moves of the knobs: candidates around a setting, the most promising one taken."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoresearch_git.search import model as models
from autoresearch_git.search import space
from autoresearch_git.search.knobs import Knob
from autoresearch_git.search.novelty import NEAR

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Array = NDArray[Any]

CANDIDATES = 500  # random settings that are scored first
ELITE, REFINED = 20, 300  # how many of them are varied again, into how many
SPARSITY = 0.3  # of the number of knobs in a move: its geometric parameter
PRUNE = 0.85  # of the expected improvement must stay when a change is dropped
RISK = 0.05  # settings more likely to crash than this are not proposed


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

    Candidates change only `knobs`, at most `limit` at once, each by at most about `size` of its
    range.
    """
    import numpy as np

    column = {name: i for i, name in enumerate(model.names)}
    free = [knob for knob in knobs if knob.name in column]
    if not free:
        return None
    start = np.array(model.encode(present))
    where = np.array([column[knob.name] for knob in free])
    region = _Region(start, where, free, _reach(model, where) * size, limit or len(free))
    numbers = np.random.default_rng(rng.getrandbits(64))
    x = region.draw(CANDIDATES, numbers)
    if len(x) == 0:
        return None
    first = _score(model, x)
    x = np.vstack([x, region.refine(x[np.argsort(-first)[:ELITE]], REFINED, numbers)])
    point = _pruned(model, start, x[int(np.argmax(_score(model, x)))])
    ends = model.process.predict(np.stack([start, point]))[0]
    values = {
        knob.name: space.source(knob, space.from_unit(knob.range, float(point[i])))
        for knob, i in zip(free, where, strict=True)
        if abs(point[i] - start[i]) > 1e-9
    }
    values = {name: text for name, text in values.items() if text != present.get(name)}
    risk = float(model.risk.predict(point[None, :])[0])
    return Move(values, float(ends[1] - ends[0]), risk) if values else None


def _pruned(model: models.Model, start: Array, point: Array) -> Array:
    """The point without the changes that hardly matter: fewer knobs say more about why."""
    import numpy as np

    score = float(_score(model, point[None, :])[0])
    while True:
        changed = np.flatnonzero(np.abs(point - start) > 1e-9)
        if len(changed) < 2:
            return point
        fewer = np.tile(point, (len(changed), 1))
        fewer[np.arange(len(changed)), changed] = start[changed]
        scores = _score(model, fewer)
        best = int(np.argmax(scores))
        if scores[best] < PRUNE * score:
            return point
        point = fewer[best]


def _score(model: models.Model, x: Array) -> Array:
    import numpy as np

    mean, deviation = model.process.predict(x)
    risk = model.risk.predict(x)
    score = models.improvement(mean, deviation, model.best) * (1 - risk) ** 2
    score = np.where(risk <= max(RISK, float(risk.min())), score, -1.0)
    return np.asarray(np.where(_near(x, model.process.x), -2.0, score))


def _near(x: Array, known: Array) -> Array:
    """Which candidates are as good as known: within NEAR of a result in every knob."""
    import numpy as np

    close = np.ones((len(x), len(known)), dtype=bool)
    for k in range(x.shape[1]):
        close &= np.abs(x[:, k, None] - known[None, :, k]) < NEAR
    return np.asarray(close.any(axis=1))


def _reach(model: models.Model, where: Array) -> Array:
    """A knob that matters little can move far; one with a short length scale moves carefully."""
    import numpy as np

    lengths = model.process.lengths[where]
    return np.asarray(np.clip(lengths / np.exp(np.mean(np.log(lengths))), 0.5, 2.0))


@dataclass(frozen=True)
class _Region:
    """The trust region: a box around the start in the free dimensions."""

    start: Array  # (d,) of the whole model
    where: Array  # columns of the free knobs
    free: Sequence[Knob]
    reach: Array  # half widths of the box, one a free knob
    limit: int  # knobs that may change at once

    def draw(self, count: int, rng: Generator) -> Array:
        """Random points of the box, sparse changes most often; the start itself is left out."""
        import numpy as np

        d = len(self.where)
        changed = np.minimum(rng.geometric(SPARSITY, count), min(d, self.limit))
        mask = rng.random((count, d)).argsort(axis=1) < changed[:, None]
        return self._points(self.start[None, :].repeat(count, 0), mask, 1.0, rng)

    def refine(self, x: Array, count: int, rng: Generator) -> Array:
        """Points near the given ones: one of the knobs that they changed moves again."""
        import numpy as np

        base = x[rng.integers(0, len(x), count)]
        moved = np.abs(base[:, self.where] - self.start[self.where]) > 1e-9
        mask = (rng.random(moved.shape) * moved).argsort(axis=1).argsort(axis=1) == (
            moved.shape[1] - 1
        )
        return self._points(base, mask, 0.5, rng)

    def _points(self, base: Array, mask: Array, share: float, rng: Generator) -> Array:
        import numpy as np

        at = base[:, self.where]
        unit = at + rng.uniform(-share, share, mask.shape) * self.reach
        unit = np.abs(unit)  # reflected at the borders
        unit = np.clip(np.where(unit > 1, 2 - unit, unit), 0, 1)
        for k, knob in enumerate(self.free):
            snapped = _snap(knob, unit[:, k], at[:, k], rng)
            base[:, self.where[k]] = np.where(mask[:, k], snapped, at[:, k])
        return np.asarray(base[np.abs(base - self.start).max(axis=1) > 1e-9])


def _snap(knob: Knob, unit: Array, start: Array, rng: Generator) -> Array:
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
    stuck = grid == np.round(start * (count - 1))
    grid = np.where(stuck, grid + np.where(unit >= start, 1, -1), grid)
    return np.clip(grid, 0, count - 1) / (count - 1)
