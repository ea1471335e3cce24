"""The cell of the behaviour space that an experiment landed in: what was measured, not planned.

Three axes: category of the change (12), model size against the baseline (smaller, same-size,
larger), and cost against the baseline (normal, or `costly`: 10% slower or 15% more memory).
72 cells in all, e.g. `optimizer.same-size` or `attention.larger.costly`.
"""

from __future__ import annotations

from autoresearch_git import refs
from autoresearch_git.records import Run
from autoresearch_git.review.change import Change
from autoresearch_git.review.lexicon import CATEGORIES, OTHER

SIZE_STEP = 0.05  # relative change of the parameter count that makes another size
SLOWER = 0.10  # relative loss of throughput that counts as costly
HUNGRIER = 0.15  # relative growth of peak memory that counts as costly


def niche(change: Change, run: Run, baseline_run: Run | None) -> str:
    """The cell as one component of a ref name; without a baseline run all ratios are 1."""
    category = change.category if change.category in CATEGORIES else OTHER
    base = baseline_run or run
    size = ratio(run, base, "num_params_M")
    label = "smaller" if size < 1 - SIZE_STEP else "larger" if size > 1 + SIZE_STEP else "same-size"
    slow = 0 < throughput(run) < (1 - SLOWER) * throughput(base)
    costly = slow or ratio(run, base, "peak_vram_mb") > 1 + HUNGRIER
    return refs.component(f"{category}.{label}" + (".costly" if costly else ""))


def ratio(run: Run, base: Run, name: str) -> float:
    """run's metric over base's; 1 where either is missing or not positive."""
    a, b = run.metrics.get(name, 0.0), base.metrics.get(name, 0.0)
    return a / b if a > 0 and b > 0 else 1.0


def throughput(run: Run) -> float:
    """Tokens a second of training time, 0 where unknown."""
    tokens, seconds = (
        run.metrics.get("total_tokens_M", 0.0),
        run.metrics.get("training_seconds", 0.0),
    )
    return 1e6 * tokens / seconds if tokens > 0 and seconds > 0 else 0.0
