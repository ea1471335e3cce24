"""Our own policy on a landscape: the real ask() on a synthetic train.py, the history in memory."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec

from autoresearch_git.emitters.ask import ask
from autoresearch_git.emitters.base import Files
from autoresearch_git.emitters.synthetic import render, setting_of
from autoresearch_git.errors import ArError
from autoresearch_git.history import History, Tally, last_gain
from autoresearch_git.records import EMITTERS, Decision, Experiment, Plan, Review, Run
from autoresearch_git.search import fork, policies, samplers
from autoresearch_git.search.insight import Insight
from autoresearch_git.search.knobs import Value
from autoresearch_git.search.landscape import Landscape, Setting
from autoresearch_git.search.policies import Maker
from autoresearch_git.search.space import area

PATH = "train.py"
KLASS = "simulated"


class Ours:
    """ask() with everything around it that git and the runner would do."""

    def __init__(
        self,
        landscape: Landscape,
        rng: random.Random,
        accept: str = "ours",
        emitters: Sequence[str] = EMITTERS,
    ) -> None:
        self.landscape, self.rng, self.accept = landscape, rng, accept
        self.emitters = emitters
        self.files: dict[str, Files] = {}
        self.experiments: list[Experiment] = []
        self.tallies: dict[str, Tally] = {}
        self.plan: Plan | None = None
        self.commit = ""
        self.wanted = False
        self.stall = 0
        self.baseline: Experiment | None = None
        self.incumbent: Experiment | None = None
        self.best: Experiment | None = None
        self.elites: dict[str, Experiment] = {}
        self.sigma = landscape.sigma
        self.files["start"] = {PATH: render(landscape.start, landscape.ranges)}

    def history(self) -> History:
        near = [each for each in self.experiments if each.verdict == "near-miss"]
        return History(
            klass=KLASS,
            contract=KLASS,
            metric="value",
            minimize=True,
            sigma=self.sigma,
            baseline=self.baseline,
            incumbent=self.incumbent,
            best=self.best,
            elites=self.elites,
            near_misses=tuple(near[-9:]),
            recent=tuple(self.experiments),
            count=len(self.experiments),
            emitters=self.tallies,
            stall=self.stall,
            plateau=self.plateau(),
        )

    def plateau(self) -> int:
        keeps = [each for each in reversed(self.experiments) if each.verdict == "keep-unconfirmed"]
        last = last_gain(keeps)
        return len(self.experiments) - 1 - (last.seq if last else -1)

    def propose(self) -> Setting:
        if self.experiments and self.experiments[-1].verdict == "retest":
            self.wanted = True  # the same commit again; its plan stays
            return self.setting(self.commit)
        try:
            self.plan, proposal = ask(
                self.history(),
                "start",
                read=self.files.__getitem__,
                merge=self.merge,
                tried=self.tried,
                rng=self.rng,
                among=self.emitters,
            )
        except ArError:  # nothing is left to try: what there is runs again
            assert self.incumbent is not None  # the baseline always has a proposal
            self.wanted, self.commit = True, self.incumbent.commit
            return self.setting(self.commit)
        self.wanted = bool(proposal.replicate)
        self.commit = proposal.replicate or f"{len(self.experiments):040x}"
        if not proposal.replicate:
            self.files[self.commit] = proposal.files
        return self.setting(self.commit)

    def setting(self, commit: str) -> dict[str, Value]:
        return setting_of(self.files[commit][PATH], self.landscape.ranges)

    def tried(self, files: Files) -> str | None:
        return next(
            (each.commit for each in self.experiments if self.files[each.commit] == files), None
        )

    def merge(self, a: str, b: str) -> Files | None:
        """Three-way merge, line by line, against the newest common ancestor."""
        base = next(each for each in self.lineage(a) if each in self.lineage(b))
        old, one, two = (self.files[c][PATH].splitlines(True) for c in (base, a, b))
        merged = []
        for x, y, z in zip(old, one, two, strict=True):
            if x not in (y, z) and y != z:
                return None
            merged.append(z if y == x else y)
        return {PATH: "".join(merged)}

    def lineage(self, commit: str) -> list[str]:
        """The commit and its first parents, back to the start."""
        parents = {each.commit: each.plan.parent for each in self.experiments if each.plan}
        chain = [commit]
        while parents.get(chain[-1]):
            chain.append(parents[chain[-1]])
        return [*chain, "start"]

    def observe(self, setting: Setting, result: float | None) -> None:
        old = next((each for each in self.experiments if each.commit == self.commit), None)
        run = Run(
            run=f"{self.commit}-{len(self.experiments)}-{len(old.runs) if old else 0}",
            outcome="ok" if result is not None else "oom",
            seconds=300.0,
            klass=KLASS,
            value=result,
            signature="" if result is not None else "out of memory",
        )
        runs = (*old.runs, run) if old else (run,)
        assert self.plan is not None  # propose() came before
        plan = old.plan if old and old.plan else self.plan
        done = self.judge(
            Experiment(commit=self.commit, seq=len(self.experiments), plan=plan, runs=runs)
        )
        if old:
            self.experiments[self.experiments.index(old)] = done
        else:
            self.experiments.append(done)
        self.remember(done)

    def judge(self, each: Experiment) -> Experiment:
        """A small stand-in for review and select: keep what looks better than the incumbent."""
        values = [run.value for run in each.runs if run.value is not None]
        mean = sum(values) / len(values) if values else None
        known = self.incumbent.value if self.incumbent else None
        delta = mean - known if mean is not None and known is not None else None
        if mean is None:
            verdict = "crash"
        elif delta is None or delta < -self.margin():
            verdict = "keep-unconfirmed" if self.proven(values) else "retest"
        else:
            verdict = "near-miss" if delta < 3 * self.sigma else "discard"
        names = [edit.name for edit in each.plan.edits] if each.plan else []
        niche = area(names[0]) if names else "none"
        review = Review(
            klass=KLASS,
            runs=tuple(run.run for run in each.runs),
            verdict=verdict,
            reason="simulated",
            category=niche,
            niche=niche,
            value=mean,
            n=len(values),
            delta=delta,
            best=known,
            sigma=self.sigma,
        )
        decision = Decision(klass=KLASS, verdict=verdict, reason="simulated")
        return msgspec.structs.replace(each, review=review, decision=decision)

    def margin(self) -> float:
        """What a gain must exceed to be kept."""
        return 2 * math.sqrt(2) * self.sigma if self.accept == "threshold" else 0.0

    def proven(self, values: list[float]) -> bool:
        """Whether it may be kept after these runs."""
        return self.accept != "replicate" or len(values) > 1 or self.incumbent is None

    def remember(self, each: Experiment) -> None:
        kept = each.verdict == "keep-unconfirmed"
        self.stall = 0 if kept else self.stall + 1
        if self.baseline is None:
            self.baseline = each
        if kept:
            self.incumbent = self.best = each
        entered = kept
        if each.value is not None and each.review:
            elite = self.elites.get(each.review.niche)
            if elite is None or (elite.value or 9e9) > each.value:
                self.elites = {**self.elites, each.review.niche: each}
                entered = True
        name = self.plan.emitter if self.plan else ""
        tally = self.tallies.get(name, Tally())
        self.tallies = {
            **self.tallies,
            name: Tally(
                tries=tally.tries + 1,
                wins=tally.wins + entered,
                crashes=tally.crashes + (each.value is None),
                seconds=tally.seconds + 300.0,
            ),
        }

    def choice(self) -> Setting:
        if self.incumbent is None:
            return self.landscape.start
        if self.accept == "model":
            home = self.incumbent
            model = Insight(self.history(), home, self.files[home.commit]).model
            if model is not None:
                return self.setting(model.centre.commit)
        return self.setting(self.incumbent.commit)


def with_rule(rule: str) -> Maker:
    """Our policy with another rule for keeping: threshold, replicate or model."""
    return lambda landscape, rng: Ours(landscape, rng, rule)


def among(*emitters: str) -> Maker:
    """Our policy with these emitters only."""
    return lambda landscape, rng: Ours(landscape, rng, emitters=emitters)


def without(*emitters: str) -> Maker:
    """Our policy without these emitters."""
    return among(*(name for name in EMITTERS if name not in emitters))


POLICIES: dict[str, Maker] = {
    "ours": Ours,
    "hill-climbing": policies.HillClimbing,
    "random": policies.Random,
    "fork": fork.Fork,
    "tpe": samplers.tpe,
    "cma-es": samplers.cma_es,
    "gp": samplers.gp,
}
