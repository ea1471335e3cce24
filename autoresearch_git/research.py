"""One research: a memory, the branch that its keeps go to, and the contract at the branch's tip."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from autoresearch_git import config, refs
from autoresearch_git.errors import ArError, ContractError, GitError, UnknownExperimentError
from autoresearch_git.git import locate
from autoresearch_git.memory import past
from autoresearch_git.memory.store import Memory

if TYPE_CHECKING:
    from autoresearch_git.git.repo import Repo
    from autoresearch_git.history import History
    from autoresearch_git.records import Experiment


@dataclass
class Research:
    """What every stage works on. The tip and the contract are read again at each `reload`."""

    memory: Memory
    branch: str  # full ref name

    @classmethod
    def open(cls, folder: Path | str = ".", branch: str = "") -> Research:
        """The research of the repository around a folder; ArError if it has none yet."""
        memory = Memory.open(folder)
        research = cls(memory, _branch(memory, branch))
        _ = research.contract
        return research

    @property
    def repo(self) -> Repo:
        return self.memory.repo

    @cached_property
    def tip(self) -> str:
        oid = self.repo.ref(self.branch)
        if not oid:
            raise ContractError(f"there is no branch {refs.short(self.branch)}", "run: git ar init")
        return oid

    @cached_property
    def contract(self) -> config.Contract:
        text = self.repo.texts(self.tip, [config.FILE])
        if not text:
            missing = f"no {config.FILE} on {refs.short(self.branch)}"
            raise ContractError(missing, "write the contract: git ar init")
        return config.parse(text[config.FILE])

    @cached_property
    def protected(self) -> dict[str, str]:
        """Path -> blob oid of the protected files, as of the branch's tip."""
        found = {path: self.repo.blob_id(self.tip, path) for path in self.contract.protect}
        gone = [path for path, oid in found.items() if not oid]
        if gone:
            raise ContractError(f"protected file missing on the branch: {', '.join(gone)}")
        return found

    @cached_property
    def contract_id(self) -> str:
        return config.contract_id(self.contract, self.protected)

    @cached_property
    def settings(self) -> Mapping[str, str]:
        """git's configuration under `ar.`, keys in lower case."""
        found = self.repo.libgit2.config
        return {e.name: e.value or "" for e in found if e.name.startswith("ar.")}

    def setting(self, name: str, default: str = "") -> str:
        return config.setting(name, self.settings, default)

    def reload(self) -> None:
        """Forget what was read of the branch: another process may have moved it."""
        for name in ("tip", "contract", "protected", "contract_id"):
            self.__dict__.pop(name, None)

    def history(self, klass: str) -> History:
        contract = self.contract
        return past.history(
            self.memory.index,
            klass,
            self.contract_id,
            contract.metric,
            contract.minimize,
            contract.sigma,
            self.repo.tree(self.tip),
        )

    def experiment(self, name: str) -> Experiment:
        """The experiment that a revision names."""
        return find(self.memory, name)


class PerThread(threading.local):
    """A research for each thread that calls it, with connections of its own."""

    def __init__(self, research: Research) -> None:  # in each thread anew
        place = research.memory.place
        same = threading.current_thread() is threading.main_thread()
        self.research = research if same else Research.open(place.git_dir, research.branch)

    def __call__(self) -> Research:
        return self.research


def find(memory: Memory, name: str) -> Experiment:
    """The experiment that a revision names; UnknownExperimentError if it is none."""
    found = memory.experiment(name) if len(name) == 40 else None
    if found:
        return found
    try:
        oid = memory.repo.resolve(name)
    except GitError as error:
        raise UnknownExperimentError(error.message, "see: git ar log") from None
    found = memory.experiment(oid)
    if not found:
        about = f"{oid[:9]} ({memory.repo.subject(oid)}) is no experiment"
        raise UnknownExperimentError(about, "see: git ar log")
    return found


def _branch(memory: Memory, wanted: str) -> str:
    """Named, or checked out, or the one that init wrote down, or the only one."""
    wanted = wanted or config.setting("branch", {})
    if wanted:
        return refs.research_branch(wanted)
    checked_out, oid = locate.head(memory.place)
    if checked_out.startswith(refs.RESEARCH):
        return checked_out
    if noted := memory.repo.config("ar.branch"):
        return refs.research_branch(noted)
    found = list(memory.repo.refs(refs.RESEARCH))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(refs.short(ref) for ref in found)
        raise ArError(f"which research branch? {names}", "say it: --branch NAME")
    if not oid and checked_out and not memory.repo.refs("refs/heads/"):
        raise ContractError("this repository has no commits yet", "commit the target file first")
    cloned = [ref for ref in memory.repo.refs("refs/remotes/") if refs.is_remote_research(ref)]
    if cloned:
        there = refs.short(cloned[0])
        cure = f"git branch {there.partition('/')[2]} {there} && git ar sync"
        raise ContractError(f"the research is at {there}, not here yet", f"take it over: {cure}")
    raise ContractError("no research here yet", "start one: git ar init")
