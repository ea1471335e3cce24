"""Recorded trials of the five-minute benchmark: the table, its search space, and its noise."""

from __future__ import annotations

import gzip
import json
import math
from itertools import pairwise

from autoresearch_git.search.landscape import Landscape, Setting, Surrogate, Trial
from autoresearch_git.search.ranges import Range

# The ranges that the table's own search methods were given.
RANGES: dict[str, Range] = {
    "DEPTH": Range("linear", 4, 24, integer=True),
    "ASPECT_RATIO": Range("linear", 32, 128, integer=True),
    "HEAD_DIM": Range("choice", choices=(64, 128, 256)),
    "DEVICE_BATCH_SIZE": Range("power2", 32, 256, integer=True),
    "TOTAL_BATCH_SIZE": Range("power2", 65536, 2097152, integer=True),
    "EMBEDDING_LR": Range("log", 0.01, 2.0),
    "UNEMBEDDING_LR": Range("log", 0.0005, 0.05),
    "MATRIX_LR": Range("log", 0.005, 0.2),
    "SCALAR_LR": Range("log", 0.05, 2.0),
    "WEIGHT_DECAY": Range("linear", 0.0, 0.5),
    "WARMUP_RATIO": Range("linear", 0.0, 0.3),
    "WARMDOWN_RATIO": Range("linear", 0.1, 0.8),
    "FINAL_LR_FRAC": Range("linear", 0.0, 0.2),
    "WINDOW_PATTERN": Range("choice", choices=("SSSL", "SSLL", "SLSL", "LLLL", "SSSS", "LSSL")),
}
START: dict[str, bool | int | float | str] = {
    "DEPTH": 8,
    "ASPECT_RATIO": 64,
    "HEAD_DIM": 128,
    "DEVICE_BATCH_SIZE": 128,
    "TOTAL_BATCH_SIZE": 524288,
    "EMBEDDING_LR": 0.6,
    "UNEMBEDDING_LR": 0.004,
    "MATRIX_LR": 0.04,
    "SCALAR_LR": 0.5,
    "WEIGHT_DECAY": 0.2,
    "WARMUP_RATIO": 0.0,
    "WARMDOWN_RATIO": 0.5,
    "FINAL_LR_FRAC": 0.0,
    "WINDOW_PATTERN": "SSSL",
}


def _width(setting: Setting) -> float:
    """Model width: depth times aspect ratio, rounded up to whole heads."""
    head = int(setting["HEAD_DIM"])
    return math.ceil(int(setting["DEPTH"]) * int(setting["ASPECT_RATIO"]) / head) * head


def _log_depth(setting: Setting) -> float:
    return math.log(float(setting["DEPTH"]) / 4) / 1.8


def _log_width(setting: Setting) -> float:
    return math.log(_width(setting) / 128) / 3.2


def _log_memory(setting: Setting) -> float:
    rows = float(setting["DEVICE_BATCH_SIZE"])
    return math.log(rows * float(setting["DEPTH"]) * _width(setting) / 16384) / 7.0


def repair(setting: Setting) -> Setting:
    """What the table's runs did with more rows than a batch holds: they took what fits."""
    rows = min(int(setting["DEVICE_BATCH_SIZE"]), int(setting["TOTAL_BATCH_SIZE"]) // LENGTH)
    return {**setting, "DEVICE_BATCH_SIZE": max(32, rows)}


# What the knobs do to the model's size and memory; the surrogate gets these beside the knobs.
DERIVED = (_log_depth, _log_width, _log_memory)
LENGTH = 2048  # tokens a row
CRASHED = 5.0  # the table's methods wrote penalties of 100 and more for a crash
NOISE = ((1.0, 0.0003), (1.05, 0.0008), (1.1, 0.0017))  # (val_bpb, deviation of one run)


def read(data: bytes) -> list[Trial]:
    """The trials of the gzipped JSON table (method -> seed -> runs); incomplete rows are left."""
    table = json.loads(gzip.decompress(data))
    trials = []
    for method, seeds in table.items():
        for seed, rows in seeds.items():
            for row in rows:
                if all(name in row for name in RANGES) and _inside(row["WINDOW_PATTERN"]):
                    value = row["val_bpb"] if row["success"] else None
                    good = value is not None and value < CRASHED
                    setting = {name: row[name] for name in RANGES}
                    trials.append(Trial(setting, value if good else None, f"{method} {seed}"))
    return trials


def _inside(pattern: str) -> bool:
    return pattern in RANGES["WINDOW_PATTERN"].choices


def deviation(value: float) -> float:
    """Noise of one run at a true value, interpolated."""
    for (a, low), (b, high) in pairwise(NOISE):
        if value < b:
            return low + (high - low) * max(0.0, (value - a) / (b - a))
    return NOISE[-1][1]


def landscape(surrogate: Surrogate, noise: float = 1.0) -> Landscape:
    """The landscape of the table, its noise multiplied by `noise`."""
    return Landscape(RANGES, START, surrogate, lambda value: noise * deviation(value))
