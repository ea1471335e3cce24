"""Runs in Modal Sandboxes: one a run, found again by name, paid once."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autoresearch_git.backends import environment, launch
from autoresearch_git.backends.base import Announce, Finished, Handle, Job, Options, Update
from autoresearch_git.backends.boundedlog import BoundedLog
from autoresearch_git.backends.local import update
from autoresearch_git.backends.modal import data, image, service
from autoresearch_git.backends.modal.ledger import Entry, Ledger
from autoresearch_git.backends.modal.settings import Settings
from autoresearch_git.errors import HarnessError
from autoresearch_git.git import checkout

JOBS = 4  # at once, where nobody said; the smallest plan allows 10 GPUs
STARTUP = 600  # seconds beyond the run's own limit after which Modal ends a sandbox
OFTEN = 0.2  # seconds between two updates
TAG = "git-ar-run"


@dataclass
class Flight:
    """A run in flight, as this process follows it."""

    entry: Entry
    sandbox: Any
    ending: str = ""  # why we ended it
    said: dict[str, Any] = field(default_factory=dict)  # hardware, gap, end
    streamed: bool = False


class ModalBackend:
    """Backend `modal`. The service is asked for nothing before the first run."""

    name = "modal"

    def __init__(self, options: Options) -> None:
        self.options = options
        self.settings = Settings.of(options.extra)
        self.folder = options.folder / "modal"
        self.ledger = Ledger(self.folder / "runs")
        self._jobs = options.jobs or JOBS
        self.places = threading.BoundedSemaphore(self._jobs)
        self.flights: dict[str, Flight] = {}
        self.opening = threading.Lock()
        self._app: Any = None
        self._data: tuple[Any, str] | None = None

    @property
    def jobs(self) -> int:
        return self._jobs

    def check(self) -> None:
        """That the SDK is there, with a token, and the service answers."""
        service.sdk()
        service.check()

    def fingerprint(self) -> Mapping[str, Any]:
        """What the last run on the first GPU of the list had: nothing is known before it."""
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, Any] = json.loads(self._hardware(self._first()).read_text())
            return found
        return {}

    def submit(self, job: Job, announce: Announce | None = None) -> Handle:
        """Wait for a place, build what is new, start a sandbox; it runs on if we die."""
        if not self.places.acquire(timeout=self.options.wait):
            raise HarnessError(f"no place became free in {self.options.wait:g} s")
        try:
            flight = self._start(job)
        except BaseException:
            self.places.release()
            raise
        self.flights[job.run] = flight
        handle = Handle(job.run, self.name, flight.entry.sandbox)
        if announce:
            announce(handle)
        return handle

    def stream(self, handle: Handle) -> Iterator[Update]:
        """Updates as lines arrive; the log is written on the way, from its first byte."""
        flight = self._flight(handle)
        log = BoundedLog(flight.entry.log, launch.HEAD, launch.TAIL)
        told = 0.0
        try:
            with service.errors("the log"):
                for text in flight.sandbox.stdout:
                    mark, line = text[:1], text[1:].rstrip("\n")
                    if mark == "#":
                        self._heard(flight, json.loads(line))
                        continue
                    log.write(_as_printed(mark, line).encode())
                    now = time.time()
                    if now - told >= OFTEN or mark == "~":
                        told = now
                        yield update(handle.run, now - flight.entry.began, line)
            flight.streamed = True
        finally:
            log.close()

    def cancel(self, handle: Handle, ending: str = "killed", *, hard: bool = False) -> None:
        """End the sandbox; in a thread, since it may be a signal handler that asks."""
        flight = self.flights.get(handle.run)
        if flight and not flight.said.get("end"):
            flight.ending = flight.ending or ending
            threading.Thread(target=_terminate, args=(flight.sandbox,), daemon=True).start()

    def attach(self, run: str) -> Handle | None:
        """A run in flight or finished but not fetched, also one of a process that died."""
        flight = self.flights.get(run)
        if flight is None and (entry := self.ledger.read(run)):
            flight = self._found(entry)
            if flight is None:
                self.ledger.drop(run)
            else:
                self.places.acquire()
                self.flights[run] = flight
        return Handle(run, self.name, flight.entry.sandbox) if flight else None

    def result(self, handle: Handle) -> Finished:
        """Wait for the end. Without the end's own mark there is no result, whatever Modal says."""
        flight = self._flight(handle)
        try:
            if not flight.streamed:
                for _ in self.stream(handle):
                    pass
            status = self._waited(flight)
            return self._finished(flight, status)
        finally:
            self.flights.pop(handle.run, None)
            self.ledger.drop(handle.run)
            shutil.rmtree(self.folder / "trees" / handle.run, ignore_errors=True)
            self.places.release()

    def _start(self, job: Job) -> Flight:
        modal = service.sdk()
        trees = self.folder / "trees" / job.run
        tree = checkout.materialize(job.repo, job.commit, trees, job.protected)
        app = self._opened(modal)
        name = f"git-ar-{job.run}"
        entry = Entry(job.run, name, str(job.log), "", time.time())
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with service.errors("the image"), service.quiet():
            base = image.base(modal, self.settings, tree, trees / "packages")
            base.build(app)
        ready = base.add_local_dir(str(tree), image.APP).add_local_dir(
            str(image.entry(self.folder / "entry")), image.OURS
        )
        volumes, env = self._mounted(modal)
        env |= dict(job.env) | ({} if job.seed is None else {"AUTORESEARCH_SEED": str(job.seed)})
        spec = {
            "argv": launch.words(job.command),
            "cwd": f"{image.APP}/{job.folder}".rstrip("/"),
            "timeout": job.timeout,
            "grace": job.grace,
        }
        argv = ("python", "-u", "-m", "autoresearch_git.backends.modal.entry", json.dumps(spec))
        self.ledger.write(entry)
        wanted: dict[str, Any] = {
            "app": app,
            "image": ready,
            "name": name,
            "tags": {TAG: job.run, "commit": job.commit[:12]},
            "env": env | {"PYTHONPATH": image.OURS, "PYTHONUNBUFFERED": "1"},
            "timeout": int(job.timeout + job.grace + STARTUP),
            "workdir": image.APP,
            "volumes": volumes,
            "cpu": self.settings.cpu,
            "memory": self.settings.memory,
            "block_network": not self.options.network,
        }
        try:
            sandbox, gpu = self._created(modal, argv, wanted)
        except BaseException as error:
            if not isinstance(error, KeyboardInterrupt | SystemExit):
                self.ledger.drop(job.run)
            raise
        entry = replace(entry, sandbox=sandbox.object_id, gpu=gpu, began=time.time())
        self.ledger.write(entry)
        return Flight(entry, sandbox)

    def _created(
        self, modal: Any, argv: tuple[str, ...], wanted: dict[str, Any]
    ) -> tuple[Any, str]:
        """A sandbox on the first GPU of the list that is free."""
        for gpu in self.settings.gpus or ("",):
            try:
                with service.errors("the sandbox"):
                    try:
                        return modal.Sandbox.create(*argv, gpu=gpu or None, **wanted), gpu
                    except modal.exception.AlreadyExistsError:  # a reply that was lost
                        return modal.Sandbox.from_name(self.settings.app, wanted["name"]), gpu
            except service.NoCapacityError as error:
                last = error
        raise last

    def _opened(self, modal: Any) -> Any:
        with self.opening:
            if self._app is None:
                service.check()
                with service.errors("the app"):
                    self._app = modal.App.lookup(self.settings.app, create_if_missing=True)
                    cache = launch.cache(self.options)
                    self._data = data.seeded(modal, self.settings.volume, cache)
        return self._app

    def _mounted(self, modal: Any) -> tuple[dict[str, Any], dict[str, str]]:
        volumes, env = {}, {"AUTORESEARCH_CACHE": image.DATA}
        if self._data:
            volume, folder = self._data
            volumes[image.DATA] = volume.with_mount_options(read_only=True, sub_path=folder)
        if self.settings.models:
            models = modal.Volume.from_name(self.settings.models)
            volumes[image.MODELS] = models.with_mount_options(read_only=True)
            env["HF_HOME"] = image.MODELS
        if self.settings.kernels:  # files are named by content, GPU and version: all may write
            kernels = modal.Volume.from_name(
                self.settings.kernels, create_if_missing=True, version=2
            )
            volumes[image.KERNELS] = kernels
            env |= {name: f"{image.KERNELS}/{sub}" for name, sub in environment.CACHES.items()}
        return volumes, env

    def _found(self, entry: Entry) -> Flight | None:
        """The sandbox of an entry, by its id or else by its name; None when there is none."""
        modal = service.sdk()
        service.check()
        with service.errors("the sandbox"):
            try:
                if entry.sandbox:
                    return Flight(entry, modal.Sandbox.from_id(entry.sandbox))
                sandbox = modal.Sandbox.from_name(self.settings.app, entry.name)
            except modal.exception.NotFoundError:
                return None
        entry = replace(entry, sandbox=sandbox.object_id, gpu=self._first())
        self.ledger.write(entry)
        return Flight(entry, sandbox)

    def _flight(self, handle: Handle) -> Flight:
        if handle.run not in self.flights and not self.attach(handle.run):
            raise HarnessError(f"run {handle.run} is not in flight: its result is on the trail")
        return self.flights[handle.run]

    def _heard(self, flight: Flight, said: dict[str, Any]) -> None:
        flight.said |= said
        if "hardware" in said:
            path = self._hardware(flight.entry.gpu)
            part = path.with_suffix(f".{flight.entry.run}")
            part.write_text(json.dumps(said["hardware"]))
            part.replace(path)

    def _waited(self, flight: Flight) -> str:
        """How Modal says that it ended, in one word."""
        from modal import exception

        try:
            with service.errors("the sandbox"):
                flight.sandbox.wait(raise_on_termination=False)
        except HarnessError as error:
            timed_out = exception.SandboxTimeoutError.__name__ in error.message
            return "timeout" if timed_out else error.message
        return f"exit status {flight.sandbox.returncode}"

    def _finished(self, flight: Flight, status: str) -> Finished:
        entry, end = flight.entry, flight.said.get("end")
        seconds = time.time() - entry.began
        common: dict[str, Any] = {
            "run": entry.run,
            "log": Path(entry.log),
            "hardware": flight.said.get("hardware", {}),
            "cost": self.settings.cost(entry.gpu, seconds),
            "facts": {"sandbox": entry.sandbox, "gpu": entry.gpu, "rented": round(seconds, 1)},
        }
        if not end:
            ended = flight.ending or ("timeout" if status == "timeout" else "harness")
            why = "" if flight.ending else f"the sandbox ended without its own end mark: {status}"
            return Finished(ended=ended, exit=None, seconds=seconds, error=why, **common)
        reports = end.get("reports", [])
        checks: dict[str, Any] = {"sandbox": True}
        if len(reports) > 1:
            checks["reports"] = len(reports)
        if gap := flight.said.get("gap"):
            checks["log_left_out"] = gap
        code = end["exit"]
        return Finished(
            ended=end["ended"],
            exit=None if code is None else code if code >= 0 else 128 - code,
            seconds=end["seconds"],
            report=reports[0] if reports and isinstance(reports[0], dict) else None,
            checks=checks,
            **common,
        )

    def _hardware(self, gpu: str) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"hardware-{gpu.strip('!') or 'none'}.json"

    def _first(self) -> str:
        return self.settings.gpus[0] if self.settings.gpus else ""


def _as_printed(mark: str, line: str) -> str:
    return line + {"|": "\n", "~": "\r"}.get(mark, "")


def _terminate(sandbox: Any) -> None:
    with contextlib.suppress(Exception):  # it has ended, or Modal ends it at its limit
        sandbox.terminate()
