"""Short histories for the tests of search and emitters, without git."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoresearch_git.emitters.ask import ask
from autoresearch_git.emitters.base import Context, Files
from autoresearch_git.history import History
from autoresearch_git.records import Decision, Edit, Experiment, Plan, Review, Run

KLASS = "contract-cpu"
TRAIN = """\
DEPTH = 8  # ar: 4..24
LR = 0.04  # ar: 0.005..0.2 log
BATCH = 2**19  # ar: 65536..2097152 log
PATTERN = "SSSL"
BETAS = (0.8, 0.95)
"""


def experiment(
    commit: str,
    value: float | None,
    parent: str = "base",
    edits: Sequence[tuple[str, str, str]] = (),
    verdict: str = "discard",
    emitter: str = "local_tuner",
    seq: int = 0,
    delta: float | None = None,
) -> Experiment:
    """A decided experiment; value None is a crash."""
    changed = tuple(Edit(name=n, old=o, new=w) for n, o, w in edits)
    outcome = "ok" if value is not None else "oom"
    run = Run(run=commit, outcome=outcome, seconds=1, klass=KLASS, value=value, signature="oom")
    verdict = verdict if value is not None else "crash"
    review = Review(
        klass=KLASS, runs=(commit,), verdict=verdict, reason="", value=value, n=1, delta=delta
    )
    plan = Plan(emitter=emitter, phase="exploit", change=commit, parent=parent, edits=changed)
    decision = Decision(klass=KLASS, verdict=verdict, reason="")
    return Experiment(
        commit=commit, seq=seq, plan=plan, runs=(run,), review=review, decision=decision
    )


BASE = experiment("base", 1.0, parent="", emitter="baseline", verdict="keep")


def history(*others: Experiment, **changes: object) -> History:
    """A history that starts with BASE; the incumbent is BASE unless said otherwise."""
    facts: dict[str, object] = {
        "klass": KLASS,
        "contract": "contract",
        "metric": "loss",
        "minimize": True,
        "sigma": 0.001,
        "baseline": BASE,
        "incumbent": BASE,
        "best": BASE,
        "recent": (BASE, *others),
        "count": 1 + len(others),
    }
    return History(**(facts | changes))  # type: ignore[arg-type]


def varied(count: int, seed: int = 0) -> list[Experiment]:
    """Experiments that each turned LR and DEPTH; lower LR and DEPTH near 12 are better."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        lr, depth = round(rng.uniform(0.01, 0.15), 4), rng.randint(4, 20)
        value = 0.95 + lr / 2 + 0.001 * abs(depth - 12) + rng.gauss(0, 0.001)
        edits = [("LR", "0.04", repr(lr)), ("DEPTH", "8", str(depth))]
        found.append(experiment(f"e{i}", value, edits=edits, seq=i + 1))
    return found


@dataclass
class Store:
    """What git would know: the files of each commit."""

    files: dict[str, Files] = field(default_factory=lambda: {"base": {"train.py": TRAIN}})
    merges: dict[tuple[str, str], Files] = field(default_factory=dict)

    def read(self, commit: str) -> Files:
        return self.files.get(commit, self.files["base"])

    def tried(self, files: Files) -> str | None:
        return next((c for c, known in self.files.items() if dict(known) == dict(files)), None)

    def merge(self, a: str, b: str) -> Files | None:
        return self.merges.get((a, b))

    def ask(self, past: History, seed: int = 0, emitter: str | None = None):
        return ask(
            past,
            "base",
            read=self.read,
            merge=self.merge,
            tried=self.tried,
            rng=random.Random(seed),
            emitter=emitter,
        )

    def context(self, past: History, seed: int = 0, phase: str = "exploit") -> Context:
        parent = past.incumbent or BASE
        return Context(
            history=past,
            phase=phase,
            parent=parent,
            files=self.read(parent.commit),
            rng=random.Random(seed),
            read=self.read,
            merge=self.merge,
            tried=self.tried,
        )
