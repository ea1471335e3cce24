"""What a backend is given, what it gives back, and what it can do.

A backend runs one command in a clean checkout of one commit and reports. It decides nothing:
what a result means is `execute`'s business, where it is kept is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

# How a run came to its end, as the backend saw it (not yet its outcome).
ENDINGS = ("exit", "timeout", "killed", "stopped", "disk", "harness")


@dataclass(frozen=True)
class Options:
    """How a backend is set up on this machine: flags, `AR_*` and git config `ar.*` end here."""

    folder: Path  # the repository's private folder (`Place.private`): slots, caches, logs
    jobs: int | None = None  # runs at once; None means as many as the machine has room for
    gpus: int | None = None  # GPUs of one run; None means 1 where there is one, else 0
    sandbox: bool | None = None  # None means when it works
    network: bool = False  # may the command use the network (sandbox only)
    cache: Path | None = None  # the folder that runs may write and share; None: folder/cache
    readable: tuple[Path, ...] = ()  # must stay visible in the sandbox, though under /tmp or hidden
    wait: float | None = None  # seconds to wait for a free slot; None means for ever
    extra: Mapping[str, str] = field(default_factory=dict)  # what only one backend understands


@dataclass(frozen=True)
class Job:
    """One run to be done. A plain value: it can be pickled and sent to another machine."""

    run: str  # unique id of this execution
    repo: Path  # any folder of the repository that has the commit
    commit: str  # the experiment
    contract: str  # contract id
    command: str
    metric: str
    timeout: float  # seconds of wall time after which the whole tree is killed
    log: Path  # where the bounded log goes
    minimize: bool = True
    budget: float | None = None  # seconds of training, for the share in progress
    seed: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)  # set last, over everything else
    protected: Mapping[str, str] = field(default_factory=dict)  # path -> blob of the contract
    targets: tuple[str, ...] = ()
    data: tuple[Path, ...] = ()  # data and tokenizer; their hash is part of the fingerprint
    folder: str = ""  # where in the tree the command runs
    grace: float = 5.0  # seconds between TERM and KILL
    disk: int = 64 << 30  # bytes that the run may write to its checkout and temporary folder
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the audit, into Run.checks
    usual: float | None = None  # tokens a second expected of it, from runs of the same tree


@dataclass(frozen=True)
class Update:
    """One moment of a run in flight. Everything but the line is None until it was printed."""

    run: str
    seconds: float  # since the command started
    line: str  # the newest line of output, as printed: clean it before showing it
    share: float | None = None  # of the budget, 0 to 1
    loss: float | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None  # model FLOP/s utilization, 0 to 1
    remaining: float | None = None  # seconds, as the command estimates


@dataclass(frozen=True)
class Handle:
    """A run in flight. `place` says where it lives: a slot's name, or an engine's own id."""

    run: str
    backend: str
    place: str


@dataclass(frozen=True)
class Finished:
    """What is left of a run: measured by the backend, not yet judged."""

    run: str
    ended: str  # one of ENDINGS
    exit: int | None  # exit status; 128 + n for signal n; None when it never started
    seconds: float  # wall time of the command alone
    log: Path
    error: str = ""  # one line: why it was ended, or what of the machinery failed
    hardware: Mapping[str, Any] = field(default_factory=dict)  # fingerprint
    report: Mapping[str, Any] | None = None  # what came over the private channel
    checks: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)  # backend's own: cpu seconds, slot, ...
    cost: float = 0.0  # US dollars

    @property
    def timed_out(self) -> bool:
        """Whether the outer timeout ended it."""
        return self.ended == "timeout"

    @property
    def killed(self) -> bool:
        """Whether somebody (a person, the disk limit, the machine) ended it."""
        return self.ended in ("killed", "disk")


Announce = Callable[[Handle], None]


class Backend(Protocol):
    """Where runs happen. All methods may be called from any thread.

    `submit` waits for a free place, calls `announce` with it before the command starts (write the
    lease there), and raises HarnessError when the run could not be started. Each submitted run
    must be followed to its `result`, which also frees its place.
    """

    name: str

    @property
    def jobs(self) -> int:
        """How many runs this backend does at once."""
        ...

    def check(self) -> None:
        """Raise ArError, with the cure, where no run could start."""
        ...

    def fingerprint(self) -> Mapping[str, Any]:
        """What a run would run on, as far as it is known before one: {} if nothing is."""
        ...

    def submit(self, job: Job, announce: Announce | None = None) -> Handle: ...

    def stream(self, handle: Handle) -> Iterator[Update]:
        """Updates until the run ends, a few a second at most."""
        ...

    def cancel(self, handle: Handle, ending: str = "killed", *, hard: bool = False) -> None:
        """End it: TERM, then KILL after its grace; `hard` skips the first. Never blocks."""
        ...

    def attach(self, run: str) -> Handle | None:
        """The handle of a run in flight on this backend, also one that another process started."""
        ...

    def result(self, handle: Handle) -> Finished:
        """Wait for the end; cleans up and frees the place. Raises HarnessError for an unknown."""
        ...
