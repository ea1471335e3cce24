"""Records real training curves of a small language model, for the early-stop simulation.

    python tests/bench/record_curves.py OUT.json.gz RUNS SEED

Each run trains a character model (embedding, hidden layers, softmax) on Python's own library with
random hyperparameters: most near a good setting, as a research loop's are, some far from it. The
budget is a number of multiplications, so a larger model does fewer steps, as with a time budget;
curves are the same on any machine. About 2 s a run on one core.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import sys
import sysconfig
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WHAT = "[final value, [share, loss, share, loss, ...]], the untouched setting first"
CONTEXT, BUDGET, POINTS = 12, 4e9, 32
GOOD = {"width": 96, "embed": 12, "depth": 1, "lr": 0.006, "batch": 64, "decay": 0.01}
GOOD |= {"warmdown": 0.6, "floor": 0.05, "warmup": 0.0, "beta": 0.9, "clip": 0.0}


def text() -> Tensor:
    """Two megabytes of source text as byte ids below 128."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(folder.glob("*.py"))
    data = b"".join(file.read_bytes() for file in files)[: 2 << 20]
    return torch.tensor([b for b in data if b < 128], dtype=torch.long)


def sample(rng: random.Random) -> dict[str, float]:
    """Hyperparameters: a few changes of the good ones, or for a third of the runs all of them."""
    chosen = dict(GOOD)
    wide = rng.random() < 0.33
    spread = 1.2 if wide else 0.45
    for name in rng.sample(sorted(chosen), len(chosen) if wide else rng.choice((1, 2, 3))):
        if name in ("width", "embed", "batch"):
            chosen[name] = max(8, int(chosen[name] * math.exp(rng.gauss(0, spread))))
        elif name in ("lr", "decay"):
            chosen[name] *= math.exp(rng.gauss(0, 1.5 * spread))
        elif name == "depth":
            chosen[name] = rng.choice((1, 2, 3))
        elif name == "warmdown":
            chosen[name] = rng.choice((0.0, 0.2, 0.4, 0.8, 1.0))
        elif name == "floor":
            chosen[name] = rng.choice((0.0, 0.1, 0.3))
        elif name == "warmup":
            chosen[name] = rng.choice((0.02, 0.1, 0.3))
        elif name == "beta":
            chosen[name] = rng.choice((0.8, 0.95, 0.98))
        else:
            chosen[name] = rng.choice((0.3, 1.0))
    return chosen


def build(h: dict[str, float]) -> nn.Module:
    layers: list[nn.Module] = [nn.Embedding(128, int(h["embed"])), nn.Flatten()]
    size = CONTEXT * int(h["embed"])
    for _ in range(int(h["depth"])):
        layers += [nn.Linear(size, int(h["width"])), nn.ReLU()]
        size = int(h["width"])
    return nn.Sequential(*layers, nn.Linear(size, 128))


def rate(h: dict[str, float], share: float) -> float:
    """The learning rate's multiplier at a share of the budget."""
    if share < h["warmup"]:
        return share / h["warmup"]
    left = (1 - share) / h["warmdown"] if h["warmdown"] else 1.0
    return max(h["floor"], min(1.0, left))


def train(h: dict[str, float], data: Tensor, seed: int) -> dict[str, object]:
    """One run: its smoothed loss curve and its validation loss in bits a character."""
    torch.manual_seed(seed)
    model = build(h)
    cost = 6 * int(h["batch"]) * sum(p.numel() for p in model[2:].parameters())
    steps = max(POINTS, int(BUDGET / cost))
    weights = model.parameters()
    optimizer = torch.optim.AdamW(weights, h["lr"], (h["beta"], 0.99), weight_decay=h["decay"])
    held, cut = len(data) // 10, len(data) - len(data) // 10
    smooth, curve = 0.0, []
    for step in range(steps):
        share = step / steps
        for group in optimizer.param_groups:
            group["lr"] = h["lr"] * rate(h, share)
        at = torch.randint(0, cut - CONTEXT - 1, (int(h["batch"]),))
        x = data[at[:, None] + torch.arange(CONTEXT)]  # (batch, context)
        loss = F.cross_entropy(model(x), data[at + CONTEXT])
        optimizer.zero_grad()
        loss.backward()
        if h["clip"]:
            nn.utils.clip_grad_norm_(model.parameters(), h["clip"])
        optimizer.step()
        smooth = 0.9 * smooth + 0.1 * loss.item()
        if int((step + 1) * POINTS / steps) > len(curve):
            curve.append([round((step + 1) / steps, 4), round(smooth / (1 - 0.9 ** (step + 1)), 4)])
    with torch.no_grad():
        at = cut + torch.arange(0, held - CONTEXT - 1, 5)
        value = F.cross_entropy(
            model(data[at[:, None] + torch.arange(CONTEXT)]), data[at + CONTEXT]
        )
    return {"curve": curve, "value": round(value.item() / math.log(2), 5), "steps": steps}


def main() -> None:
    """Record and write."""
    out, runs, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    rng, data, found = random.Random(seed), text(), []
    for number in range(runs):
        hyper = GOOD if number == 0 else sample(rng)
        found.append({"hyper": hyper} | train(hyper, data, 1000 * seed + number))
        print(number, found[-1]["steps"], found[-1]["value"], file=sys.stderr, flush=True)
    rows = [[run["value"], [n for point in run["curve"] for n in point]] for run in found]
    with gzip.open(out, "wt", encoding="utf-8") as file:
        json.dump({"what": WHAT, "runs": rows}, file, separators=(",", ":"))


if __name__ == "__main__":
    main()
