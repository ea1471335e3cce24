"""The worker behind the post-commit hook: adopts hand-made commits, and runs them in order."""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec.structs import replace

from autoresearch_git.clean import clean
from autoresearch_git.errors import ArError, BusyError, HarnessError, UnknownExperimentError
from autoresearch_git.git.repo import Repo
from autoresearch_git.hooks import queue
from autoresearch_git.records import Event, Experiment, Plan
from autoresearch_git.research import Research
from autoresearch_git.stages.backend import class_here, open_backend
from autoresearch_git.stages.claim import reclaim
from autoresearch_git.stages.propose import announce
from autoresearch_git.stages.review import review
from autoresearch_git.stages.run import run
from autoresearch_git.stages.select import select

SUBJECT = "exp:"


def work(common: Path) -> int:
    """Do what waits, until nothing does; how many experiments were decided."""
    private, done = common / "ar", 0
    while queue.pending(private):
        with queue.working_alone(private) as alone:
            if not alone:
                return done  # that worker looks again when it is done
            before = queue.waiting(private)
            done += _drain(common, private)
            if queue.waiting(private)[:1] == before[:1]:
                return done  # no way forward now: the next commit tries again
    return done


def _drain(common: Path, private: Path) -> int:
    done = 0
    while items := queue.waiting(private):
        gone = {item.oid for item in items if item.kind == "rewrite"}
        for item in items:
            if item.kind == "commit" and item.oid not in gone:
                adopt(common, item)
        item = items[0]
        try:
            done += _one(common, item, item.oid in gone)
        except (BusyError, HarnessError) as error:
            _log(item, error)
            return done
        except ArError as error:
            _log(item, error)  # what is known of it is on the trail; the others go on
        queue.finish(private, item)
    return done


def _log(item: queue.Item, error: ArError) -> None:
    """To worker.log, which is our stderr."""
    sys.stderr.write(f"{item.kind} {item.oid[:9]}: {error.message}\n")


def adopt(common: Path, item: queue.Item) -> Experiment | None:
    """Announce a hand-made commit on the trail; None if it is no experiment, or tried before."""
    try:
        research = Research.open(common, item.other)
        repo = research.repo
        known = research.memory.experiment(item.oid)
        if known or not repo.has(item.oid) or not is_idea(repo, item.oid):
            return known
        same = research.memory.index.select("tree = ? LIMIT 1", repo.tree(item.oid))
        if same:
            carry(research, same[0].commit, item.oid)
            return None
        if not research.memory.index.select("contract = ? LIMIT 1", research.contract_id):
            _announce_baseline(research, repo.parents(item.oid)[0])
        return announce(research, item.oid, _plan(repo, item.oid))
    except ArError:
        return None  # the branch or its contract is gone: nothing that could be run


def is_idea(repo: Repo, oid: str) -> bool:
    """A commit with one parent whose subject says that it is an experiment."""
    return len(repo.parents(oid)) == 1 and repo.subject(oid).lower().startswith(SUBJECT)


def carry(research: Research, old: str, new: str) -> None:
    """Let the review of one commit show on another that has the same files."""
    index = research.memory.index
    old = old if index.is_experiment(old) else index.kept_as(old)  # rewritten once before
    if old and old != new and index.kept_as(new) != old:
        research.memory.append(Event(kind="rewrite", commit=old, rewritten=new))


def _one(common: Path, item: queue.Item, gone: bool) -> int:
    if item.kind == "rewrite":
        _follow(common, item)
        return 0
    try:
        research = Research.open(common, item.other)
    except ArError:
        return 0
    experiment = research.memory.experiment(item.oid)
    if experiment is None or (gone and not experiment.runs) or experiment.decision:
        return 0
    base = _baseline(research, experiment)
    for each in (base, experiment) if base else (experiment,):
        _complete(research, each)
    return 1


def _baseline(research: Research, experiment: Experiment) -> Experiment | None:
    """What the first idea of a class is compared with: the files before it."""
    if not experiment.plan or research.history(class_here(research)).baseline:
        return None
    parent = experiment.plan.parent
    known = research.memory.experiment(parent)
    if known:
        return known if not known.decision else None
    return _announce_baseline(research, parent)


def _announce_baseline(research: Research, oid: str) -> Experiment:
    change = "baseline: the files before the first idea"
    return announce(
        research, oid, Plan(emitter="baseline", phase="baseline", change=change, parent="")
    )


def _complete(research: Research, experiment: Experiment) -> None:
    """Run, review and select; what was done before a kill is not done again."""
    backend = open_backend(research)
    reclaim(research, backend)
    ran = run(research, experiment, backend)
    if ran.runs and ran.runs[-1].outcome == "harness":
        raise HarnessError(f"{ran.commit[:9]}: {ran.runs[-1].detail}")
    select(research, review(research, ran))


def _follow(common: Path, item: queue.Item) -> None:
    """Carry a note to a rewritten commit, if the target files are what was measured."""
    try:
        research = Research.open(common)
        repo, targets = research.repo, research.contract.target
        same = all(repo.blob_id(item.oid, p) == repo.blob_id(item.other, p) for p in targets)
        if same and research.memory.experiment(item.other) is None:
            carry(research, item.oid, item.other)
    except (ArError, UnknownExperimentError):
        return


def _plan(repo: Repo, oid: str) -> Plan:
    subject, _, body = repo.message(oid).partition("\n")
    change = clean(subject.partition(":")[2], 100) or "no subject"
    text = "\n".join(line for line in body.splitlines() if not _is_trailer(line))
    plan = Plan(
        emitter="person",
        phase="explore",
        change=change,
        parent=repo.parents(oid)[0],
        hypothesis=clean(text, 400) or change,
    )
    expected = _expected(body)
    return plan if expected is None else replace(plan, expected=expected)


def _is_trailer(line: str) -> bool:
    name, colon, _ = line.partition(": ")
    return bool(colon) and name.replace("-", "").isalnum() and name[:1].isupper()


def _expected(body: str) -> float | None:
    for line in body.splitlines():
        if line.startswith("Expected: "):
            try:
                return float(line.removeprefix("Expected: "))
            except ValueError:
                return None
    return None
