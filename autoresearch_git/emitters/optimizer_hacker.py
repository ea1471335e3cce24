"""Optimizer, schedule and batch: how the weights are updated, not what they compute."""

from __future__ import annotations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.structure import transform
from autoresearch_git.emitters.turn import turn
from autoresearch_git.search.space import area

AREAS = ("optimizer", "schedule", "batch")


def propose(context: Context) -> Proposal | None:
    if context.rng.random() < 0.3:
        proposal = transform(context, AREAS)
        if proposal is not None:
            return proposal
    return turn(context, [knob for knob in context.insight.knobs if area(knob.base) in AREAS])
