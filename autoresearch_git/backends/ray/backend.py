"""Runs on a Ray cluster: one actor a run, with its GPUs; Ray places it, we judge its end."""

from __future__ import annotations

import contextlib
import functools
import json
import pickle
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autoresearch_git.backends import contention
from autoresearch_git.backends.aftermath import facts_of, parse_report, speed_of
from autoresearch_git.backends.base import Announce, Finished, Handle, Job, Options, Update
from autoresearch_git.backends.local import update
from autoresearch_git.backends.ray import cluster
from autoresearch_git.backends.ray.cluster import LostError, SilentError
from autoresearch_git.errors import ArError, HarnessError
from autoresearch_git.git import checkout

ATTEMPTS = 3  # at a run whose worker or node is lost
PLACING = 600.0  # seconds to wait for room in the cluster: less than a lease's margin
ANSWER = 60.0  # seconds after which a node that says nothing is lost


@dataclass
class Flight:
    """A run in flight, as this process follows it."""

    job: Job
    actor: Any = None
    place: str = ""
    lost: list[str] = field(default_factory=list)  # why earlier attempts did not end
    seen: int = 0
    ending: str = ""  # why we ended it
    speeds: list[float] = field(default_factory=list)
    end: dict[str, Any] | None = None
    began: float = field(default_factory=time.monotonic)


class RayBackend:
    """Backend `ray`. Ray is imported, and the cluster asked, when there is something to do."""

    name = "ray"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.address = options.extra.get("address", "")
        self.cpus = _number(options.extra, "cpus", 1.0)
        self.flights: dict[str, Flight] = {}
        self.over: set[str] = set()  # runs whose result was given
        self._places: threading.BoundedSemaphore | None = None
        self._lock = threading.Lock()

    @property
    def jobs(self) -> int:
        """Runs at once: as said, else what the cluster has room for now."""
        if self.options.jobs:
            return self.options.jobs
        have, gpus = self._have(), self.gpus
        return max(1, int(have.get("GPU", 0) / gpus if gpus else have.get("CPU", 1) / self.cpus))

    def check(self) -> None:
        """That Ray is there, and the cluster answers."""
        cluster.connect(self.address)

    def fingerprint(self) -> Mapping[str, Any]:
        """What the last run had: the nodes of a cluster differ, and nothing is known before it."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads((self.options.folder / "ray.json").read_text())
            return found
        return {}

    def submit(self, job: Job, announce: Announce | None = None) -> Handle:
        """Wait for a place in the cluster, announce it, send the files, start the command."""
        places = self._semaphore()
        if not places.acquire(timeout=self.options.wait):
            raise HarnessError(f"no place became free in {self.options.wait:g} s")
        flight = Flight(job)
        try:
            handle = self._launched(flight, announce)
        except BaseException:
            self.over.add(job.run)
            places.release()
            raise
        self.flights[job.run] = flight
        return handle

    def stream(self, handle: Handle) -> Iterator[Update]:
        """Updates until the end is here; a lost run starts again, a few times."""
        flight = self._flight(handle)
        while flight.end is None:
            try:
                lines, ended = self._ask(flight, "said", flight.seen)
                flight.seen += len(lines)
                if ended:
                    flight.end = self._ask(flight, "end")
            except LostError as lost:
                self._lose(flight, lost)
                self._relaunch(flight)
                continue
            for seconds, line in lines:
                now = update(handle.run, seconds, line)
                if now.tokens_per_second:
                    flight.speeds.append(now.tokens_per_second)
                yield now

    def cancel(self, handle: Handle, ending: str = "killed", *, hard: bool = False) -> None:
        """Tell the node; in a thread, since it may be a signal handler that asks."""
        flight = self.flights.get(handle.run)
        if flight and flight.end is None:
            flight.ending = flight.ending or ending
            word = f"{ending} hard\n" if hard else f"{ending}\n"
            threading.Thread(target=self._tell, args=(flight, word), daemon=True).start()

    def attach(self, run: str) -> Handle | None:
        """A run in flight, also one of a process that died: then it is followed here."""
        if run in self.over:
            return None
        flight = self.flights.get(run) or self._found(run)
        return Handle(run, self.name, flight.place) if flight else None

    def result(self, handle: Handle) -> Finished:
        """Wait for the end, bring the log home, give the place back."""
        flight = self._flight(handle)
        try:
            for _ in self.stream(handle):
                pass
            return self._finished(flight, flight.end or {})
        finally:
            self.over.add(handle.run)
            del self.flights[handle.run]
            self._kill(flight)
            self._semaphore().release()

    def _have(self) -> dict[str, float]:
        found: dict[str, float] = cluster.connect(self.address).cluster_resources()
        return found

    @functools.cached_property
    def gpus(self) -> float:
        """GPUs of one run: as said, else 1 where the cluster has any.

        Asked once: a run that lost its node must not start again without a GPU.
        """
        if self.options.gpus is not None:
            return self.options.gpus
        return _number(self.options.extra, "gpus", 1.0 if self._have().get("GPU") else 0.0)

    def _semaphore(self) -> threading.BoundedSemaphore:
        with self._lock:
            if self._places is None:
                self._places = threading.BoundedSemaphore(self.jobs)
            return self._places

    def _launched(self, flight: Flight, announce: Announce | None = None) -> Handle:
        """Find a place, announce it, start the command there; again where that place is lost."""
        job = flight.job
        files = checkout.contents(job.repo, job.commit, job.protected)
        while flight.end is None:
            try:
                self._place(flight)
                if announce:
                    announce(Handle(job.run, self.name, flight.place))
                self._ask(flight, "start", files, patience=PLACING)  # uv may have to download
                break
            except LostError as lost:
                self._lose(flight, lost)
            except BaseException:
                self._kill(flight)
                raise
        return Handle(job.run, self.name, flight.place)

    def _place(self, flight: Flight) -> None:
        """Make the run's actor and wait for its place. HarnessError when there is no room."""
        ray = cluster.connect(self.address)
        setup = {
            "network": self.options.network,
            "sandbox": self.options.sandbox,
            "cache": self.options.extra.get("cache", ""),
            "cpus": self.cpus,
        }
        flight.seen, flight.speeds = 0, []
        flight.actor = cluster.courier(
            ray,
            flight.job,
            setup,
            name=_name(flight.job.run, len(flight.lost)),
            num_gpus=self.gpus,
            num_cpus=self.cpus,
            # It outlives this process only where the cluster does.
            lifetime="detached" if self.address else None,
        )
        patience = min(PLACING, self.options.wait or PLACING)
        try:
            flight.place = self._ask(flight, "place", patience=patience)
        except SilentError:
            raise HarnessError(
                f"no room for {self.gpus:g} GPUs and {self.cpus:g} CPUs within {patience:g} s",
                "see: ray status; ar.ray.gpus",
            ) from None

    def _lose(self, flight: Flight, lost: LostError) -> None:
        """Note that a place was lost; too often, or when it was to end anyway, that is the end."""
        self._kill(flight)
        flight.lost.append(lost.message)
        if flight.ending or len(flight.lost) == ATTEMPTS:
            why = "" if flight.ending else f"lost {ATTEMPTS} times: {lost.message}"
            flight.end = {"ended": flight.ending or "harness", "why": why}

    def _relaunch(self, flight: Flight) -> None:
        try:
            self._launched(flight)
            if flight.ending:  # said meanwhile, to the place that was lost
                self._tell(flight, f"{flight.ending} hard\n")
        except ArError as error:
            flight.end = {"ended": "harness", "why": error.message}

    def _ask(self, flight: Flight, method: str, *args: object, patience: float = ANSWER) -> Any:  # noqa: ANN401
        ray = cluster.sdk()
        with cluster.errors():
            return ray.get(flight.actor.call.remote(method, *args), timeout=patience)

    def _tell(self, flight: Flight, word: str) -> None:
        with contextlib.suppress(HarnessError):  # it is gone: nothing to end
            self._ask(flight, "cancel", word)

    def _kill(self, flight: Flight) -> None:
        if flight.actor is not None:
            cluster.sdk().kill(flight.actor, no_restart=True)

    def _found(self, run: str) -> Flight | None:
        """A run whose client died, of which Ray still has the actor."""
        if not self.address:
            return None  # the cluster died with the client
        ray = cluster.connect(self.address)
        for lost in reversed(range(ATTEMPTS)):
            try:
                actor = ray.get_actor(_name(run, lost), namespace=cluster.NAMESPACE)
                with cluster.errors():
                    job: Job = pickle.loads(ray.get(actor.job.remote(), timeout=ANSWER))
                flight = Flight(job, actor, lost=["before this client"] * lost)
                flight.place = self._ask(flight, "place")
            except (ValueError, LostError):
                continue
            self._semaphore().acquire()
            self.flights[run] = flight
            return flight
        return None

    def _flight(self, handle: Handle) -> Flight:
        if handle.run in self.over or not self.attach(handle.run):
            raise HarnessError(f"run {handle.run} is not in flight: its result is on the trail")
        return self.flights[handle.run]

    def _finished(self, flight: Flight, end: dict[str, Any]) -> Finished:
        job = flight.job
        if "output" in end:
            job.log.parent.mkdir(parents=True, exist_ok=True)
            job.log.write_bytes(end["output"])
        if hardware := end.get("hardware", {}):
            known = self.options.folder / "ray.json"
            known.parent.mkdir(parents=True, exist_ok=True)
            part = known.with_suffix(f".{job.run}")
            part.write_text(json.dumps(hardware))
            part.replace(known)
        report, reports = parse_report(str(end.get("report", "")))
        speed = speed_of(flight.speeds)
        checks = contention.check(speed, job.usual, 0.0, 0.0, self.cpus)
        checks |= {name: end[name] for name in ("leftover", "left", "gpu_left") if end.get(name)}
        if "bare" in end:
            bare = end["bare"]
            checks |= {"sandbox": not bare} | ({"no_sandbox": bare} if bare else {})
        if end.get("dropped"):
            checks["log_left_out"] = end["dropped"]
        if reports > 1:
            checks["reports"] = reports
        return Finished(
            run=job.run,
            ended=str(end["ended"]),
            exit=end.get("exit"),
            seconds=float(end.get("seconds") or time.monotonic() - flight.began),
            log=job.log,
            error=str(end.get("why", "")),
            hardware=hardware,
            report=report,
            checks=checks,
            facts=facts_of(end, end.get("place", flight.place), flight.speeds)
            | ({"lost": flight.lost} if flight.lost else {}),
        )


def _name(run: str, lost: int) -> str:
    return f"git-ar-{run}-{lost}"


def _number(extra: Mapping[str, str], name: str, default: float) -> float:
    text = extra.get(name) or str(default)
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if found < 0 or (name == "cpus" and not found):
        raise ArError(f"ar.ray.{name} is {text!r}", "a number")
    return found
