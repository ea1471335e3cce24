"""Start a research: the contract, committed on a branch of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import msgspec

from autoresearch_git import config, refs
from autoresearch_git.clean import clean
from autoresearch_git.config import Contract
from autoresearch_git.errors import ArError, ContractError
from autoresearch_git.git.process import git
from autoresearch_git.git.repo import Move, Person, Repo


@dataclass(frozen=True)
class Wishes:
    """What `git ar init` was told; None and () mean: find out."""

    target: Sequence[str] = ()
    protect: Sequence[str] = ()
    command: str | None = None
    metric: str | None = None
    minimize: bool | None = None
    timeout: str | None = None
    budget: float | None = None
    sigma: float | None = None
    branch: str | None = None


def start(repo: Repo, wishes: Wishes, gpus: int) -> tuple[str, Contract]:
    """Commit the contract on a new research branch; (branch, contract). HEAD stays where it is."""
    base = repo.ref("HEAD") or _no_commits()
    contract = _contract(repo, base, wishes, gpus)
    config.parse(config.render(contract))
    tag = wishes.branch or datetime.now(timezone.utc).strftime("%b%d").lower()
    branch = refs.research_branch(tag)
    git(repo.place.git_dir, "check-ref-format", branch)
    if repo.ref(branch):
        raise ArError(
            f"the branch {refs.short(branch)} is there already",
            "go on with it: git ar status; or start another: git ar init --branch NAME",
        )
    tree = repo.tree_with(repo.tree(base), {config.FILE: config.render(contract)})
    now = Person(repo.user.name, repo.user.email, time.time())
    about = f"Start the research {refs.short(branch)}\n\n"
    about += f"{contract.direction.capitalize()} {contract.metric} of `{clean(contract.command)}`\n"
    about += f"by changing {', '.join(contract.target)}.\n"
    oid = repo.write_commit(tree, [base], about, now, now)
    repo.swap(Move(branch, oid, ""), "ar: init")
    git(repo.place.git_dir, "config", "ar.branch", refs.short(branch))
    return branch, contract


def _contract(repo: Repo, base: str, wishes: Wishes, gpus: int) -> Contract:
    looks = bool(repo.blob_id(base, "train.py")) and bool(repo.blob_id(base, "prepare.py"))
    target = tuple(wishes.target) or (("train.py",) if repo.blob_id(base, "train.py") else ())
    if not target:
        raise ContractError("which file may experiments change?", "say it: --target FILE")
    protect = tuple(wishes.protect) or (("prepare.py",) if looks else ())
    for path in (*target, *protect):
        if not repo.blob_id(base, path):
            raise ContractError(f"{path} is not in the last commit", "commit it first")
    if not looks and wishes.metric is None:
        raise ContractError("what is the metric called?", "say it: --metric NAME")
    contract = _defaults(repo, base, target, protect, looks, gpus)
    told = {
        "command": wishes.command,
        "metric": wishes.metric,
        "timeout": wishes.timeout,
        "budget": wishes.budget,
        "sigma": wishes.sigma,
    }
    if wishes.minimize is not None:
        told["direction"] = "minimize" if wishes.minimize else "maximize"
    return msgspec.structs.replace(contract, **{k: v for k, v in told.items() if v is not None})


def _defaults(
    repo: Repo, base: str, target: tuple[str, ...], protect: tuple[str, ...], looks: bool, gpus: int
) -> Contract:
    runner = "uv run" if repo.blob_id(base, "uv.lock") else "python"
    command = f"{runner} {target[0]}"
    contract = Contract(target=target, protect=protect, command=command, metric="val_bpb")
    if not looks:
        return contract
    if gpus:
        return msgspec.structs.replace(contract, budget=300.0)
    # The benchmark's CPU profile: seconds instead of minutes, and as much noisier, since the steps
    # that fit into 11 s vary with the machine's other work (docs/benchmark.md).
    return msgspec.structs.replace(contract, budget=11.0, timeout="3m", sigma=0.012)


def _no_commits() -> str:
    raise ContractError("this repository has no commits yet", "commit the target file first")
