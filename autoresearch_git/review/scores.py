"""The six scores of a review, each from 0 to 1, and their total. docs/review.md gives reasons."""

from __future__ import annotations

import math

from autoresearch_git.history import History, Tally
from autoresearch_git.records import KEEPS, Run, Scores
from autoresearch_git.review.change import Change
from autoresearch_git.review.gaussian import Mixture
from autoresearch_git.review.niche import ratio

WEIGHTS = {
    "fitness": 0.6,
    "novelty": 0.15,
    "information": 0.15,
    "surprise": 0.1,
    "complexity": -0.1,
    "memory": -0.1,
}
FITNESS_HALF = 3.0  # sigmas of expected gain that are worth 1/2
NODES_HALF = 100.0  # added syntax nodes that cost 1/2
MEMORY_HALF = 0.5  # relative growth of peak memory that costs 1/2


def total(scores: Scores, verdict: str) -> float:
    """Wins take the upper half of the scale, all else the lower one, failures below 0.05."""
    if verdict in ("crash", "invalid"):
        return round(0.05 * scores.information, 4)
    merit = sum(weight * float(getattr(scores, name)) for name, weight in WEIGHTS.items())
    merit = min(1.0, max(0.0, merit))
    return round(0.5 + merit / 2 if verdict in KEEPS else 0.05 + 0.45 * merit, 4)


def fitness(gain: Mixture, sigma: float) -> float:
    """The gain that can be expected from it (never negative), in sigmas, saturating."""
    return _saturate(gain.excess() / sigma, FITNESS_HALF)


def novelty(history: History, niche: str, category: str) -> float:
    """How seldom the niche and the category were seen, each by 1 / sqrt(1 + count)."""
    tally = history.categories.get(category, Tally())
    rare_niche = 1 / math.sqrt(1 + history.niches.get(niche, 0))
    return 0.6 * rare_niche + 0.4 / math.sqrt(1 + tally.tries)


def information(before: float, after: float) -> float:
    """Bits by which the runs settled whether it beats the incumbent: a fall of entropy."""
    return max(0.0, _entropy(before) - _entropy(after))


def failure_information(history: History, signature: str) -> float:
    """A failure teaches something once: 1 for a new signature, falling with each repeat."""
    return 1 / (1 + history.signatures.get(signature, 0))


def surprise(gain: float, expected: float, doubt: float) -> float:
    """How far the gain is from what was expected, in standard deviations of the two, squashed.

    An expectation is taken as known to half of itself.
    """
    z = (gain - expected) / math.hypot(doubt, expected / 2)
    return 1 - math.exp(-z * z / 8)


def complexity(change: Change) -> float:
    """Cost of what the program grew by, in net syntax nodes; a smaller program costs nothing."""
    return _saturate(max(0, change.size.get("nodes", 0)), NODES_HALF)


def memory(run: Run, base: Run | None) -> float:
    """Cost of the growth of peak memory over the baseline."""
    grown = ratio(run, base, "peak_vram_mb") - 1 if base else 0.0
    return _saturate(max(0.0, grown), MEMORY_HALF)


def _saturate(x: float, half: float) -> float:
    return round(x / (x + half), 4) if x > 0 else 0.0


def _entropy(p: float) -> float:
    p = min(1 - 1e-12, max(1e-12, p))
    return -(p * math.log2(p) + (1 - p) * math.log2(1 - p))
