"""Headless Chromium, driven by chromedriver's plain HTTP protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",
)


class Browser:
    """One window; use it as a context manager."""

    def __init__(self, width: int = 1200, height: int = 900) -> None:
        self.size = (width, height)
        self.profile = tempfile.mkdtemp(prefix="git-ar-chromium-")

    def __enter__(self) -> Browser:
        assert DRIVER
        assert CHROMIUM
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.driver = subprocess.Popen(
            [DRIVER, f"--port={port}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TMPDIR": self.profile},  # it leaves empty folders behind
        )
        self.base = f"http://127.0.0.1:{port}"
        flags = [
            *_FLAGS,
            f"--user-data-dir={self.profile}",
            "--window-size={},{}".format(*self.size),
        ]
        wanted = {
            "goog:chromeOptions": {"binary": CHROMIUM, "args": flags},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        for _ in range(100):
            try:
                self._call("GET", "/status")
                break
            except OSError:
                time.sleep(0.1)
        made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/session/{made['sessionId']}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(10)
            shutil.rmtree(self.profile, ignore_errors=True)

    def open(self, page: Path) -> None:
        self._call("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str) -> Any:
        """The value of a script's `return`."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def until(self, script: str, seconds: float = 30) -> None:
        """Wait until a script returns true; the load event may come before a long script ran."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.02)

    def keys(self, *names: str) -> None:
        """Press keys, one after the other, whatever has the focus."""
        steps = [{"type": t, "value": n} for n in names for t in ("keyDown", "keyUp")]
        self._call(
            "POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": steps}]}
        )

    def move(self, x: float, y: float) -> None:
        """Move the mouse to a place in the window."""
        self._mouse({"type": "pointerMove", "x": round(x), "y": round(y), "duration": 0})

    def click(self, x: float, y: float) -> None:
        """Move the mouse to a place in the window and click."""
        self.move(x, y)
        self._mouse({"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def _mouse(self, *steps: dict[str, Any]) -> None:
        mouse = {"type": "pointer", "id": "mouse", "actions": [*steps]}
        self._call("POST", "/actions", {"actions": [mouse]})

    def dark(self, wanted: bool) -> None:
        """Prefer the dark or the light scheme."""
        value = "dark" if wanted else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def logs(self, kind: str = "browser") -> list[dict[str, Any]]:
        """The console's messages, or with "performance" the events of the network."""
        found = self._call("POST", "/se/log", {"type": kind})
        assert isinstance(found, list)
        return found

    def requests(self) -> list[str]:
        """The addresses of all requests since the last call."""
        events = [json.loads(e["message"])["message"] for e in self.logs("performance")]
        sent = [e for e in events if e["method"] == "Network.requestWillBeSent"]
        urls = [e["params"]["request"]["url"] for e in sent]
        own = ("chrome", "data:")  # its start page, and what is in the page itself
        return [url for url in urls if not url.startswith(own)]

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def phone(self) -> None:
        """Behave like a small phone."""
        metrics = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        self._devtools("Emulation.setDeviceMetricsOverride", metrics)

    def _devtools(self, command: str, params: dict[str, Any]) -> None:
        self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        head = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.base + path, data, head, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()[:500]) from None
