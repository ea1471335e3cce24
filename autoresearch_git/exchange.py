"""A loop's exchanges with a remote, in a thread of their own: no GPU waits for a network."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

PATIENCE = 10.0  # seconds that a worker waits for one before it goes on without
LIMIT = 60.0  # seconds that git has for a fetch or a push before it is killed


@dataclass
class Exchange:
    """One at a time. A worker asks after each run and goes on when it is done, or takes too long.

    Use it in a `with`: what nobody has sent yet goes out at the end.
    """

    work: Callable[[], bool]  # one exchange; whether it succeeded
    patience: float = PATIENCE
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    last: Future[bool] = field(init=False)
    unsent: bool = False  # somebody asked while one was going on
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Exchange:
        self.last = self.thread.submit(self.work)
        self.last.result()  # the loop starts from what there is
        return self

    def ask(self) -> None:
        """Exchange, and wait a little for it; an error that is no failed sync is raised here."""
        with self.lock:
            self.unsent = not self.last.done()
            if not self.unsent:
                self.last = self.thread.submit(self.work)
            last = self.last
        if wait([last], timeout=self.patience).done:
            last.result()

    def __exit__(self, *_: object) -> None:
        with self.thread:
            if self.last.result() and self.unsent:
                self.thread.submit(self.work).result()
