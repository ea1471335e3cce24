"""Runs one command and outlives nobody: started as `python -I -S supervisor.py SPEC`, stdlib only.

A process of its own, so that a killed loop leaves no training behind: the end of its stdin means
that its parent died. It is the reaper of everything that the command starts (Linux), so that a
grandchild that forked away and made its own session is still found and killed. It speaks JSON
lines on stdout: `{"line": ...}` a few times a second, `{"end": {...}}` last.

SPEC is one JSON object: argv, cwd, log, head, tail (bytes of log kept), timeout, grace, disk,
watched (folders whose size counts), cores, locks (descriptors to hold), sandboxed.
Its own environment is the command's.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autoresearch_git.backends import boundedlog, proctree
else:  # isolated, so that nothing of the user's is imported: our neighbours must be named
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import boundedlog
    import proctree

TICK = 0.2  # seconds between progress messages
CHUNK = 1 << 20
REPORT = 1 << 16  # bytes read from the private channel at most
LINE = 300  # characters of a progress line that are passed on: one atomic write, all escaped
DISK_EVERY = 1.0  # seconds between looks at the free space


class Supervisor:
    """One command from its start to the last of its processes."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.log = boundedlog.BoundedLog(spec["log"], spec["head"], spec["tail"])
        self.selector = selectors.DefaultSelector()
        self.report = b""
        self.line, self.told = b"", b""
        self.ending, self.why = "exit", ""
        self.deadline = 0.0  # when the next step of killing is due; 0: nothing is
        self.status: int | None = None
        self.alone = False  # the parent is gone
        self.next = 0.0  # when the next progress message may be sent

    def run(self) -> dict[str, Any]:
        """Everything; returns the end message."""
        proctree.become_reaper()
        for lock in self.spec["locks"]:  # held by us as long as we live, never by the command
            os.set_inheritable(lock, False)
        os.set_blocking(1, False)  # a parent that does not read must not stop the clock
        self._catch_signals()
        output, report = os.pipe(), os.pipe()
        self.started = time.monotonic()
        self.free = proctree.free_bytes(self.spec["cwd"])
        self.allowed = min(self.spec["disk"], self.free * 9 // 10)  # others need some too
        self.pid = self._start(output, report)
        os.close(output[1])
        os.close(report[1])
        for fd, handler in ((output[0], self._output), (report[0], self._report), (0, self._order)):
            os.set_blocking(fd, False)
            self.selector.register(fd, selectors.EVENT_READ, handler)
        self._watch()
        seconds = time.monotonic() - self.started
        leftover = self._kill_rest()
        self._drain(output[0], report[0])
        self.log.close()
        return self._end(seconds, leftover)

    def _start(self, output: tuple[int, int], report: tuple[int, int]) -> int:
        pid = os.fork()
        if pid:
            return pid
        try:
            os.setsid()
            proctree.die_with_parent()
            if self.spec["cores"]:
                os.sched_setaffinity(0, self.spec["cores"])
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(sig, signal.SIG_DFL)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output[1], 1)
            os.dup2(output[1], 2)
            os.set_inheritable(report[1], True)
            os.environ["AUTORESEARCH_REPORT_FD"] = str(report[1])
            os.chdir(self.spec["cwd"])
            os.execvpe(self.spec["argv"][0], self.spec["argv"], os.environ)
        except OSError as error:
            os.write(2, f"git ar: cannot run {self.spec['argv'][0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def _catch_signals(self) -> None:
        wakeup = os.pipe()
        for fd in wakeup:
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wakeup[1])
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._cancel("killed", "TERM to the supervisor"))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.selector.register(wakeup[0], selectors.EVENT_READ, self._woken)

    def _watch(self) -> None:
        """Until the command itself has ended."""
        limit = self.started + self.spec["timeout"]
        look = self.started + DISK_EVERY
        while self._reap():
            now = time.monotonic()
            if not self.deadline and now >= limit:
                self._cancel("timeout", f"over {self.spec['timeout']:g} s")
            if self.deadline and now >= self.deadline:
                proctree.kill_all()
                self.deadline = now + 0.5
            if now >= look:
                look = now + DISK_EVERY
                self._check_disk()
            due = min(self.deadline or limit, look, now + TICK)
            for key, _ in self.selector.select(max(0.0, due - now)):
                key.data(key.fd)
            self._tell()

    def _reap(self) -> bool:
        """Collect dead children, adopted ones too; False once the command itself is dead."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                self.status = status
                return False

    def _cancel(self, ending: str, why: str, hard: bool = False) -> None:
        if self.ending == "exit":
            self.ending, self.why = ending, why
        if hard or self.deadline:
            self.deadline = time.monotonic()
            return
        proctree.terminate_all(self.pid if self.spec["sandboxed"] else 0)
        self.deadline = time.monotonic() + self.spec["grace"]

    def _order(self, fd: int) -> None:
        """A word from the parent: `ENDING` or `ENDING hard`; its end means that it died."""
        with contextlib.suppress(BlockingIOError):
            said = os.read(fd, 4096).decode()
            if not said:
                self.selector.unregister(fd)
                self.alone = True
                self.spec["grace"] = min(self.spec["grace"], 1.0)
                self._cancel("killed", "the process that ran it died")
                return
            for order in said.splitlines():
                ending, _, how = order.partition(" ")
                self._cancel(ending, "", hard=how == "hard")

    def _output(self, fd: int) -> None:
        data = self._read(fd, CHUNK)
        if data:
            self.log.write(data)
            self.line = (self.line + data[-4096:])[-4096:]

    def _report(self, fd: int) -> None:
        data = self._read(fd, REPORT)
        if data and len(self.report) < REPORT:
            self.report += data[: REPORT - len(self.report)]

    def _woken(self, fd: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(fd, 4096)

    def _read(self, fd: int, size: int) -> bytes:
        try:
            data = os.read(fd, size)
        except BlockingIOError:
            return b""
        if not data:
            self.selector.unregister(fd)  # closed by the command, which may live on
        return data

    def _tell(self) -> None:
        now = time.monotonic()
        if self.alone or now < self.next:
            return
        self.next = now + TICK
        parts = self.line.replace(b"\n", b"\r").split(b"\r")
        line = next((part for part in reversed(parts) if part.strip()), b"")
        if line and line != self.told:
            self.told = line
            self._say(
                {"line": line.decode("utf-8", "replace")[:LINE], "seconds": now - self.started}
            )

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(1, json.dumps(message).encode() + b"\n")

    def _check_disk(self) -> None:
        free = proctree.free_bytes(self.spec["cwd"])
        if self.deadline or self.free - free <= self.allowed:
            return  # others write too: only then is it worth to walk through the folders
        used = sum(proctree.size_of(folder) for folder in self.spec["watched"])
        if used > self.allowed:
            why = f"wrote {used >> 20} MiB, more than {self.allowed >> 20} MiB"
            self._cancel("disk", why, hard=True)
        else:
            self.free = free + self.allowed

    def _kill_rest(self) -> list[str]:
        """KILL what the command left running; the names, if it ended by itself."""
        if proctree.none_left():
            return []
        names = set(proctree.descendants().values()) - {"bwrap"}  # a sandbox on its way out
        proctree.kill_until_gone()
        return sorted(names)[:8] if self.ending == "exit" else []

    def _drain(self, output: int, report: int) -> None:
        """What is still in the pipes. All writers are dead, so this ends."""
        until = time.monotonic() + 1.0
        for fd, handler in ((output, self._output), (report, self._report)):
            while fd in self.selector.get_map() and time.monotonic() < until:
                before = self.log.total + len(self.report)
                handler(fd)
                if self.log.total + len(self.report) == before:
                    break

    def _end(self, seconds: float, leftover: list[str]) -> dict[str, Any]:
        status = self.status
        code = None if status is None else os.waitstatus_to_exitcode(status)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        own = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "ended": self.ending,
            "why": self.why,
            "exit": 128 - code if code is not None and code < 0 else code,
            "seconds": seconds,
            "leftover": leftover,
            "left": sorted(proctree.descendants()),
            "report": self.report.decode("utf-8", "replace"),
            "log": self.log.total,
            "dropped": self.log.dropped,
            "cpu": used.ru_utime + used.ru_stime,
            "supervisor_cpu": own.ru_utime + own.ru_stime,
            "peak_kib": used.ru_maxrss,
        }


def main() -> None:
    """Run the command of the spec in argv[1]."""
    supervisor = Supervisor(json.loads(sys.argv[1]))
    try:
        end = supervisor.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        proctree.kill_until_gone()
        end = {"ended": "harness", "why": f"the supervisor failed: {error!r}"}
    with contextlib.suppress(BrokenPipeError):
        os.set_blocking(1, True)
        os.write(1, json.dumps({"end": end}).encode() + b"\n")


if __name__ == "__main__":
    main()
