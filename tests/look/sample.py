"""Made-up experiments, for tests and pictures that need many of them and no git."""

from __future__ import annotations

import random

from autoresearch_git.records import Decision, Edit, Experiment, Plan, Review, Run, Scores

_EMITTERS = ("local_tuner", "optimizer_hacker", "architecture_mutator", "simplifier")
_NICHES = ("optimizer.same-size", "schedule.same-size", "architecture.larger", "norm.smaller")
_VERDICTS = ("discard", "discard", "discard", "near-miss", "retest", "crash")


def experiments(count: int, seed: int = 0, text: str = "") -> list[Experiment]:
    """A plausible campaign; `text` is put into every field that others may write."""
    rng = random.Random(seed)
    found: list[Experiment] = []
    best, parent = 1.0, ""
    for k in range(count):
        oid = f"{rng.getrandbits(160):040x}"
        kept = k == 0 or rng.random() < 8 / (k + 8)
        value = (
            best if k == 0 else best - rng.random() * 0.004 if kept else best + rng.random() / 99
        )
        verdict = "keep" if kept else rng.choice(_VERDICTS)
        crashed = verdict == "crash"
        found.append(_experiment(rng, k, oid, parent, None if crashed else value, verdict, text))
        if kept:
            best, parent = min(best, value), oid
    return found


def _experiment(
    rng: random.Random, k: int, oid: str, parent: str, value: float | None, verdict: str, text: str
) -> Experiment:
    change = f"LEARNING_RATE {rng.random():.3g} -> {rng.random():.3g} {text}"
    edit = Edit(name="LEARNING_RATE", old="0.1", new=f"{rng.random():.3g}")
    curve = tuple((x / 32, 10 - 6 * x / 32 + rng.random()) for x in range(33))
    run = Run(
        run=f"{k:012x}",
        outcome="crash" if value is None else "ok",
        seconds=300.0,
        klass="0123abcd-h100",
        value=value,
        metrics={"num_params_M": 50.0},
        seed=42,
        detail=text,
        curve=curve,
        cost=0.3,
    )
    review = Review(
        klass=run.klass,
        runs=(run.run,),
        verdict=verdict,
        reason=f"not better than the incumbent by more than the noise of one run {text}",
        metric="val_bpb",
        category="optimizer",
        niche=rng.choice(_NICHES) if value else "",
        value=value,
        n=1,
        low=None if value is None else value - 0.0005,
        high=None if value is None else value + 0.0005,
        delta=None if value is None else rng.random() / 100,
        sigma=0.0003,
        scores=Scores(fitness=rng.random(), novelty=rng.random()),
        edits=(edit,),
        signature=f"RuntimeError in forward {text}" if value is None else "",
        warnings=(text,) if text else (),
    )
    return Experiment(
        commit=oid,
        seq=k * 4,
        time=1.7e9 + 300.0 * k,
        plan=Plan(
            emitter="baseline" if k == 0 else rng.choice(_EMITTERS),
            phase="exploit",
            change=change,
            parent=parent,
            hypothesis=f"a smaller step late in training loses less {text}",
            edits=(edit,),
        ),
        runs=(run,),
        review=review,
        decision=Decision(klass=run.klass, verdict=verdict, reason=review.reason),
    )


def diff(lines: int = 12, text: str = "") -> str:
    """A diff as git prints it."""
    body = "\n".join(f"-old_{k} = {k}  # {text}\n+new_{k} = {k + 1}" for k in range(lines))
    return f"diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n{body}"
