"""Several runs at once: threads that wait for processes, and one stop for all of them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from autoresearch_git.backends.base import Backend, Handle
from autoresearch_git.errors import HarnessError

T = TypeVar("T")


class Flights:
    """The runs in flight on a backend, so that they can be ended together."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.handles: dict[str, Handle] = {}
        self.stopping = threading.Event()

    def stop(self, *, hard: bool = False) -> None:
        """Ask every run to end; they are recorded as killed. Ask again for later ones."""
        self.stopping.set()
        for handle in list(self.handles.values()):
            with contextlib.suppress(HarnessError):  # it has ended by itself
                self.backend.cancel(handle, hard=hard)


def spread(items: Iterable[T], work: Callable[[T], None], jobs: int, flights: Flights) -> None:
    """Do the work on all items, at most `jobs` at once, as they come in; one job needs no thread.

    An interrupt stops what is in flight, a second one kills it, and it is raised again when all
    is recorded. The first error of an item is raised after the others are done.
    """
    if jobs == 1:
        for item in items:
            work(item)
        return
    free = threading.Semaphore(jobs)
    futures: list[Future[None]] = []

    def one(item: T) -> None:
        try:
            if not flights.stopping.is_set():
                work(item)
        except BaseException:
            flights.stopping.set()  # no new ones; those in flight may end
            raise
        finally:
            free.release()

    with ThreadPoolExecutor(jobs) as threads:
        try:
            for item in items:
                free.acquire()
                futures.append(threads.submit(one, item))
                if flights.stopping.is_set():
                    break
            wait(futures)
        except KeyboardInterrupt:
            _end(futures, flights)
            raise
    for future in futures:
        future.result()


def _end(futures: list[Future[None]], flights: Flights) -> None:
    hard = False
    while wait(futures, timeout=0).not_done:
        flights.stop(hard=hard)
        try:
            wait(futures, timeout=0.5)
        except KeyboardInterrupt:
            hard = True
