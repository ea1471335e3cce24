"""What is known where a change starts: its knobs, all points, and the model, each made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from autoresearch_git.history import History
from autoresearch_git.records import Experiment
from autoresearch_git.search import conjectures
from autoresearch_git.search import knobs as knob_reader
from autoresearch_git.search import model as models
from autoresearch_git.search import points as point_reader
from autoresearch_git.search.conjectures import Conjecture
from autoresearch_git.search.knobs import Knob, Reading
from autoresearch_git.search.points import Point


@dataclass(frozen=True)
class Insight:
    """The view from one parent commit and its target files."""

    history: History
    parent: Experiment
    files: Mapping[str, str]

    @cached_property
    def reading(self) -> Reading:
        return knob_reader.read(self.files, self.history.klass)

    @cached_property
    def knobs(self) -> tuple[Knob, ...]:
        """The knobs that this machine can turn."""
        return tuple(knob for knob in self.reading.knobs if knob.active)

    @cached_property
    def points(self) -> list[Point]:
        texts = {knob.name: knob.source for knob in self.reading.knobs}
        active = [knob.name for knob in self.knobs]
        return point_reader.points(self.history, self.parent.commit, texts, active)

    @cached_property
    def present(self) -> dict[str, str]:
        """The parent's full setting, structural moves included."""
        mine = next((p.values for p in self.points if p.commit == self.parent.commit), {})
        return {**mine, **{knob.name: knob.source for knob in self.reading.knobs}}

    @cached_property
    def model(self) -> models.Model | None:
        history = self.history
        return models.build(self.points, self.knobs, history.minimize, history.sigma)

    @cached_property
    def conjectures(self) -> dict[str, Conjecture]:
        """What is believed of each knob, by its name."""
        found = conjectures.of_knobs(self.history, self.points, self.knobs)
        return {each.subject: each for each in found}

    @property
    def sign(self) -> float:
        """Turns a change of cost (lower is better) into one of the metric."""
        return 1.0 if self.history.minimize else -1.0
