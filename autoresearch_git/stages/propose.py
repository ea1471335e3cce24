"""Propose: turn an idea into a commit that the trail announces. The user's tree stays as it is."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from autoresearch_git import config
from autoresearch_git.clean import clean
from autoresearch_git.emitters import EMITTERS
from autoresearch_git.emitters.ask import ask
from autoresearch_git.emitters.base import Files, Proposal
from autoresearch_git.errors import ArError, DuplicateError
from autoresearch_git.git.repo import Person, Repo
from autoresearch_git.history import History, forgetful
from autoresearch_git.records import Edit, Event, Experiment, Plan, classes
from autoresearch_git.research import Research
from autoresearch_git.review.confirm import spend
from autoresearch_git.search import knobs, novelty


def propose(
    research: Research, klass: str, rng: random.Random, emitter: str | None = None
) -> Experiment:
    """Ask the search for the next experiment of a class and commit it.

    Raises DuplicateError when everything that came up was tried already.
    """
    research.reload()
    history = research.history(klass)
    if _climbs(research):
        plan, proposal = _step(research, forgetful(history), rng, emitter)
    elif emitter is None and (doubtful := spend(history)):
        return again(research, doubtful)
    else:
        plan, proposal = _asked(research, history, rng, emitter)
    _warn(research, klass)
    if plan.phase == "baseline":
        return _baseline(research, klass, plan)
    if proposal.replicate:
        return announce(research, proposal.replicate, plan)
    parents = proposal.parents or (plan.parent,)
    return commit(research, plan, parents, proposal.files)


def _asked(
    research: Research, history: History, rng: random.Random, emitter: str | None
) -> tuple[Plan, Proposal]:
    return ask(
        history,
        research.tip,
        read=lambda commit: targets(research, commit),
        merge=lambda ours, theirs: _merged(research, ours, theirs),
        tried=lambda files: _tried(research, research.repo.tree(research.tip), files),
        rng=rng,
        emitter=emitter,
    )


def _step(
    research: Research, history: History, rng: random.Random, emitter: str | None
) -> tuple[Plan, Proposal]:
    """One of hill-climbing: by any emitter that has an idea without a memory, drawn at random."""
    names = [emitter] if emitter else rng.sample(list(EMITTERS), len(EMITTERS))
    if history.baseline is None:
        return _asked(research, history, rng, emitter)
    for name in names[:-1]:
        with contextlib.suppress(ArError):
            return _asked(research, history, rng, name)
    return _asked(research, history, rng, names[-1])


def _climbs(research: Research) -> bool:
    """Whether `ar.search` asks for plain hill-climbing, to have something to compare with."""
    wanted = research.setting("search", "memory")
    if wanted not in ("memory", "climb"):
        raise ArError(f"ar.search is {wanted!r}", "git config ar.search memory, or climb")
    return wanted == "climb"


def _warn(research: Research, klass: str) -> None:
    """Note what the search could not read in the target files, once."""
    reading = knobs.read(targets(research, research.tip), klass)
    notices = research.memory.notices
    notices += [text for text in reading.warnings if text not in notices]


def again(research: Research, oid: str) -> Experiment:
    """Announce one more run of an experiment, with another seed."""
    known = research.memory.experiment(oid)
    about = known.plan.change if known and known.plan else oid[:9]
    plan = Plan(
        emitter="replicate",
        phase="stabilize",
        change=f"again: {clean(about, 100)}",
        parent=oid,
        hypothesis="one run cannot tell luck from gain; another seed can",
        builds_on=(oid,),
    )
    return announce(research, oid, plan)


@dataclass(frozen=True)
class Idea:
    """What a person says of an experiment: in one line, why, and by how much it may help."""

    change: str
    hypothesis: str = ""
    expected: float | None = None  # change of the metric

    def plan(self, parent: str, change: str = "", edits: tuple[Edit, ...] = ()) -> Plan:
        """Its plan; `change` says what is done where the person did not."""
        return Plan(
            emitter="person",
            phase="explore",
            change=clean(self.change or change, 100),
            parent=parent,
            hypothesis=clean(self.hypothesis or self.change, 400),
            expected=self.expected,
            edits=edits,
        )


def from_worktree(research: Research, idea: Idea) -> Experiment:
    """Make an experiment of the target files as somebody edited them in the working tree."""
    research.reload()
    repo, work = research.repo, research.repo.place.work
    if work is None:
        raise ArError("a bare repository has no working tree", "use a clone, or a linked worktree")
    files = {}
    for path in research.contract.target:
        try:
            files[path] = (work / path).read_bytes().decode("utf-8", "replace")
        except OSError as error:
            raise ArError(f"cannot read {path}: {error.strerror}", "is it deleted?") from None
    files = _onto_tip(research, repo.resolve("HEAD"), files)
    if files == targets(research, research.tip):
        raise ArError(
            "the target files are as on the research branch: nothing to propose",
            f"edit {', '.join(research.contract.target)} first",
        )
    return commit(research, idea.plan(research.tip), (research.tip,), files)


def commit(research: Research, plan: Plan, parents: tuple[str, ...], files: Files) -> Experiment:
    """Commit changed target files and announce the experiment; DuplicateError if tried before.

    A change of the random seed alone is one more run of the parent, and announced as that.
    """
    repo, base = research.repo, targets(research, plan.parent or research.tip)
    outside = set(files) - set(research.contract.target)
    if outside:
        raise ArError(f"not a target file: {', '.join(sorted(outside))}", f"see {config.FILE}")
    tree = repo.tree_with(_base_tree(research, plan.parent), files)
    known = research.memory.index.select("tree = ? LIMIT 1", tree)
    if known:
        raise _duplicate("already tried as", known[0])
    parent = research.memory.experiment(plan.parent) if plan.parent else None
    if parent and novelty.only_seed(base, files):
        again = replace(plan, emitter="replicate", phase="stabilize", builds_on=(parent.commit,))
        return announce(research, parent.commit, again)
    _refuse_the_same_program(research, plan.parent, base, {**base, **files})
    author = repo.user
    now = Person(author.name, author.email, time.time())
    oid = repo.write_commit(tree, parents, _message(plan), now, now)
    return announce(research, oid, plan)


def _duplicate(about: str, known: Experiment) -> DuplicateError:
    short = known.commit[:9]
    return DuplicateError(
        f"{about} {short} ({known.verdict})", known.commit, f"see it: git ar show {short}"
    )


def _refuse_the_same_program(research: Research, parent: str, base: Files, files: Files) -> None:
    """DuplicateError if nothing but the layout differs from the parent, or from another change
    of the same parent. On another parent the same patch is another program, and worth a run.
    """
    mine = novelty.key(files)
    if mine == novelty.key(base):
        raise DuplicateError(
            "nothing but comments or the layout has changed", parent, "change what the code does"
        )
    for each in research.memory.index.select("program = ? AND latest = 1", mine):
        if each.plan and each.plan.parent == parent and each.contract == research.contract_id:
            raise _duplicate("the same but for the layout as", each)


def announce(research: Research, oid: str, plan: Plan) -> Experiment:
    """Put an experiment on the trail, which makes it known and safe from gc."""
    event = Event(
        kind="propose",
        commit=oid,
        contract=research.contract_id,
        tree=research.repo.tree(oid),
        program=novelty.key(targets(research, oid)),
        plan=plan,
    )
    research.memory.append(event)
    experiment = research.memory.experiment(oid)
    assert experiment is not None
    return experiment


def _baseline(research: Research, klass: str, plan: Plan) -> Experiment:
    """The tip of the branch, announced once for each class."""
    known = research.memory.experiment(research.tip)
    if known and (known.lease or not known.runs or klass in ("", *classes(known))):
        return known  # it waits, is on its way, or has told what the class is
    return announce(research, research.tip, plan)


def targets(research: Research, oid: str) -> dict[str, str]:
    """The target files of a commit, path -> text."""
    return research.repo.texts(oid, research.contract.target)


def _base_tree(research: Research, parent: str) -> str:
    """The parent's tree, with the contract and the protected files of the branch's tip.

    A parent from before a change of the contract would otherwise bring the old one back.
    """
    repo = research.repo
    fixed = (config.FILE, *research.contract.protect)
    return repo.tree_with(repo.tree(parent or research.tip), repo.texts(research.tip, fixed))


def _tried(research: Research, tree: str, files: Files) -> str | None:
    found = research.memory.index.select("tree = ?", research.repo.tree_with(tree, files))
    return found[0].commit if found else None


def _merged(research: Research, ours: str, theirs: str) -> dict[str, str] | None:
    tree = research.repo.merge(ours, theirs)
    if tree is None:
        return None
    return {path: text for path, text in _texts(research.repo, tree, research.contract.target)}


def _texts(repo: Repo, tree: str, paths: tuple[str, ...]) -> list[tuple[str, str]]:
    who = Person("git-ar", "git-ar@localhost", 0)
    oid = repo.write_commit(tree, [], "a tree to read from\n", who, who)
    return list(repo.texts(oid, paths).items())


def _onto_tip(research: Research, head: str, files: Mapping[str, str]) -> dict[str, str]:
    """What the edits, made on HEAD, become on the research branch's tip."""
    repo, tip = research.repo, research.tip
    if all(repo.blob_id(head, path) == repo.blob_id(tip, path) for path in files):
        return dict(files)
    who = Person("git-ar", "git-ar@localhost", 0)
    edited = repo.write_commit(repo.tree_with(repo.tree(head), files), [head], "edited\n", who, who)
    merged = _merged(research, tip, edited)
    if merged is None:
        raise ArError(
            "the edits conflict with what the research branch has kept since",
            "make them on its newest version: git switch " + research.branch.split("/", 2)[2],
        )
    return merged


def _message(plan: Plan) -> str:
    expected = f"{plan.expected:+.6g}" if plan.expected is not None else ""
    trailers = {
        "Emitter": plan.emitter,
        "Phase": plan.phase,
        "Expected": expected,
        "Builds-on": ", ".join(oid[:12] for oid in plan.builds_on[:8]),
        "Agent": str(plan.agent.get("name", "")) if plan.agent else "",
    }
    lines = [f"{key}: {clean(value, 200)}" for key, value in trailers.items() if value]
    body = f"{clean(plan.hypothesis, 600)}\n\n" if plan.hypothesis else ""
    return f"exp: {clean(plan.change, 100)}\n\n{body}" + "\n".join(lines) + "\n"
