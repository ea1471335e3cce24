"""The seven emitters: modules with one function, `propose`, in one dict."""

from __future__ import annotations

from autoresearch_git.emitters import (
    anomaly_chaser,
    architecture_mutator,
    contrarian,
    local_tuner,
    optimizer_hacker,
    recombinator,
    simplifier,
)
from autoresearch_git.emitters.base import Emitter

EMITTERS: dict[str, Emitter] = {
    "local_tuner": local_tuner,
    "optimizer_hacker": optimizer_hacker,
    "architecture_mutator": architecture_mutator,
    "simplifier": simplifier,
    "contrarian": contrarian,
    "recombinator": recombinator,
    "anomaly_chaser": anomaly_chaser,
}
