"""Structure: depth, width, windows, norms, embeddings, activations, initial values."""

from __future__ import annotations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.structure import transform
from autoresearch_git.emitters.turn import turn
from autoresearch_git.search.space import area

AREAS = ("architecture", "initialization", "regularization")


def propose(context: Context) -> Proposal | None:
    if context.rng.random() < 0.5:
        proposal = transform(context, AREAS)
        if proposal is not None:
            return proposal
    return turn(context, [knob for knob in context.insight.knobs if area(knob.base) in AREAS])
