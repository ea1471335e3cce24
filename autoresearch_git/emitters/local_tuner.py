"""Small moves near a good parent, guided by a numeric model of the knobs once there is one."""

from __future__ import annotations

from autoresearch_git.emitters.base import Context, Proposal
from autoresearch_git.emitters.turn import turn


def propose(context: Context) -> Proposal | None:
    return turn(context, context.insight.knobs)
