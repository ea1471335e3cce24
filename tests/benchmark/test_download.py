"""Shards from a URL: every way a server can let one down, and never a shard half there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import prepare
import pytest

from tests.benchmark.conftest import TEXTS, write_shard


class Server(ThreadingHTTPServer):
    """Serves `files`; each request takes its behaviour from the front of `script`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.script: list[str] = []
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        how = self.server.script.pop(0) if self.server.script else "well"
        self.server.ranges.append(self.headers["Range"])
        data = self.server.files.get(self.path.lstrip("/"))
        if data is None or how.isdigit():
            return self.send_error(int(how) if how.isdigit() else 404)
        start = 0
        if self.headers["Range"] and how != "no ranges":
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(data):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        body = data[start:]
        if how == "drop":
            return self.close_connection_now()
        if how == "no size":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body) + (7 if how == "too short" else 0)))
        self.end_headers()
        if how == "garbage":
            body = bytes(len(body))
        self.wfile.write(body[: len(body) // 2] if how == "half" else body)
        return None

    def close_connection_now(self) -> None:
        self.close_connection = True
        self.connection.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server()
    for i in (0, 1, prepare.VALIDATION_SHARD):
        path = write_shard(tmp_path / "served" / f"shard_{i:05d}.parquet", [*TEXTS, str(i)] * 20)
        server.files[path.name] = path.read_bytes()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    pauses: list[float] = []
    monkeypatch.setattr(prepare.time, "sleep", pauses.append)
    return pauses


NAME = "shard_00000.parquet"


@pytest.mark.parametrize(
    "script",
    [
        [],
        ["drop", "drop", "drop", "drop"],
        ["half", "half", "half", "half"],
        ["half", "no ranges"],
        ["half", "drop", "503"],
        ["too short"],
        ["no size"],
        ["garbage"],
        ["500", "429", "half"],
    ],
)
def test_it_arrives_whole(server: Server, tmp_path: Path, script: list[str]) -> None:
    server.script = script
    prepare.download(f"{server.url}/{NAME}", tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == server.files[NAME]
    assert not (tmp_path / f"{NAME}.part").exists()


def test_a_broken_download_is_resumed(server: Server, tmp_path: Path) -> None:
    server.script = ["half"]
    prepare.download(f"{server.url}/{NAME}", tmp_path / NAME)
    assert server.ranges == [None, f"bytes={len(server.files[NAME]) // 2}-"]


def test_a_file_that_changed_meanwhile_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * 10_000_000)  # longer than what is there now
    prepare.download(f"{server.url}/{NAME}", tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == server.files[NAME]


def test_it_gives_up_after_five_tries(
    server: Server, tmp_path: Path, no_pauses: list[float]
) -> None:
    server.script = ["drop"] * 9
    with pytest.raises(SystemExit, match="could not download"):
        prepare.download(f"{server.url}/{NAME}", tmp_path / NAME)
    assert len(server.ranges) == 5
    assert no_pauses == [1, 2, 4, 8]
    assert not (tmp_path / NAME).exists()


def test_what_is_not_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="HTTP 404"):
        prepare.download(f"{server.url}/nothing.parquet", tmp_path / "nothing.parquet")
    assert len(server.ranges) == 1


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="could not download"):
        prepare.download(f"http://127.0.0.1:9/{NAME}", tmp_path / NAME)


def test_prepare_from_a_url(server: Server) -> None:
    server.script = ["half", "drop"]
    folder = prepare.prepare(server.url, 2, quiet=True)
    assert (folder / "train.u16").stat().st_size > 0
    asked = len(server.ranges)
    assert prepare.prepare(server.url, 2, quiet=True) == folder
    assert len(server.ranges) == asked  # nothing is fetched twice
