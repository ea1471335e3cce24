"""Grow a research to any number of runs in seconds: real records, real code, one pack."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from autoresearch_git import refs
from autoresearch_git.git.objects import Person, Writer
from autoresearch_git.git.pack import Pack
from autoresearch_git.git.repo import EMPTY_TREE, Move
from autoresearch_git.memory import trail
from autoresearch_git.records import Decision, Edit, Event, Lease, Plan, Review, Run, Scores
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import class_here

NICHES = [f"{kind}.{size}" for kind in ("optimizer", "architecture", "schedule", "data")
          for size in ("same-size", "wider", "smaller")]  # fmt: skip
VERDICTS = ("discard",) * 20 + ("near-miss", "near-miss", "crash", "retest", "keep-unconfirmed")
EMITTERS = ("local_tuner", "optimizer_hacker", "architecture_mutator", "simplifier", "contrarian")


def grow(folder: Path, runs: int, seed: int = 1) -> None:
    """Add so many finished experiments to the trail of an initialized research."""
    research = Research.open(folder)
    repo, rng, klass = research.repo, random.Random(seed), class_here(research)
    text = repo.texts(research.tip, ["train.py"])["train.py"]
    others = [e for e in repo.tree_entries(repo.tree(research.tip)) if e[0] != "train.py"]
    old = repo.ref(refs.TRAIL)
    tip = old or trail.root(repo)
    seq, clock = trail.read(repo, tip).event.seq, 1_790_000_000.0
    with Pack(repo.place) as pack:
        for number in range(runs):
            rate = f"{rng.uniform(0.001, 0.1):.9f}"
            clock += 300.0
            commit, tree = _experiment(pack, research.tip, text, rate, others, clock)
            for event in _events(rng, commit, tree, research, klass, rate, number):
                seq, clock = seq + 1, clock + 0.25
                named = _named(event, f"{rng.getrandbits(64):016x}", seq, clock)
                tip = trail.write(pack, named, EMPTY_TREE, [tip], [commit]).oid
        guard = pack.finish()
    repo.swap(Move(refs.TRAIL, tip, old), "ar: grow")
    if guard:
        guard.unlink()


def _named(event: Event, name: str, seq: int, clock: float) -> Event:
    import msgspec

    return msgspec.structs.replace(event, id=name, seq=seq, time=round(clock, 3), host="bench")


def _experiment(
    pack: Writer, parent: str, text: str, rate: str, others: list[tuple[str, str, str]], when: float
) -> tuple[str, str]:
    blob = pack.write_blob(text.replace("= 0.04", f"= {rate}").encode())
    tree = pack.write_tree([*others, ("train.py", blob, "100644")])
    who = Person("Tester", "tester@example.com", when)
    message = f"exp: LEARNING_RATE 0.04 -> {rate}\n\nEmitter: local_tuner\nPhase: exploit\n"
    return pack.write_commit(tree, [parent], message, who, who), tree


def _events(
    rng: random.Random,
    commit: str,
    tree: str,
    research: Research,
    klass: str,
    rate: str,
    number: int,
) -> Iterator[Event]:
    value = round(1.0 + abs(rng.gauss(0, 0.01)), 6)
    verdict, niche = rng.choice(VERDICTS), rng.choice(NICHES)
    name, edit = f"{rng.getrandbits(48):012x}", Edit(name="LEARNING_RATE", old="0.04", new=rate)
    plan = Plan(
        emitter=rng.choice(EMITTERS) if number else "baseline",
        phase="exploit" if number else "baseline",
        change=f"LEARNING_RATE 0.04 -> {rate}",
        parent=research.tip if number else "",
        hypothesis="LEARNING_RATE: the most promising of 500 settings, by 200 results",
        expected=round(-abs(rng.gauss(0, 0.01)), 6),
        edits=(edit,),
    )
    contract = research.contract_id
    yield Event(kind="propose", commit=commit, contract=contract, tree=tree, plan=plan)
    lease = Lease(run=name, pid=4242, slot="", until=1_790_000_720)
    yield Event(kind="start", commit=commit, lease=lease)
    curve = tuple(
        (round(k / 16, 4), round(9.0 / (k + 1) + rng.random() / 50, 4)) for k in range(17)
    )
    run = Run(
        run=name,
        outcome="ok",
        seconds=round(300 + rng.random(), 3),
        klass=klass,
        value=value,
        seed=42,
        exit=0,
        curve=curve,
        metrics={"peak_vram_mb": round(45000 + rng.random() * 100, 1), "num_steps": 953},
        hardware={"cores": 2.0, "cpu": "Some CPU", "python": "3.11.7", "torch": "2.9.0"},
        checks={"facts": {"cpu_seconds": 310.5, "log_bytes": 31000, "slot": "gpu-0"}},
    )
    yield Event(kind="run", commit=commit, run=run)
    yield Event(
        kind="review", commit=commit, review=_review(rng, klass, name, verdict, niche, value, edit)
    )
    decision = Decision(
        klass=klass, verdict=verdict, reason="P(better) 0.04, expected gain -2.1 sigma"
    )
    yield Event(kind="decision", commit=commit, decision=decision)


def _review(
    rng: random.Random, klass: str, name: str, verdict: str, niche: str, value: float, edit: Edit
) -> Review:
    scores = [round(rng.random(), 4) for _ in range(4)]
    return Review(
        klass=klass,
        runs=(name,),
        verdict=verdict,
        reason="P(better) 0.04, expected gain -2.1 sigma",
        metric="val_bpb",
        niche=niche,
        category=niche.partition(".")[0],
        value=value,
        n=1,
        low=round(value - 0.0006, 6),
        high=round(value + 0.0006, 6),
        delta=round(value - 1.0, 6),
        best=1.0,
        sigma=0.0003,
        p_better=0.0412,
        scores=Scores(fitness=scores[0], novelty=scores[1], information=scores[2], total=scores[3]),
        size={"hunks": 1, "added": 1, "removed": 1, "nodes": 0},
        edits=(edit,),
    )
