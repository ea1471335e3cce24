"""What Ray itself carries to a node. Sent by value: a node needs Ray, and nothing of ours.

So nothing of ours is named here at module level; `ours` is our source, a zip file.
"""

from __future__ import annotations

from typing import Any


class Courier:
    """The actor of one run: unpacks our source and hands every call to `node.NodeRun`."""

    def __init__(self, ours: bytes, job: bytes, setup: dict[str, Any]) -> None:
        import io
        import sys
        import tempfile
        import zipfile

        self.source = tempfile.TemporaryDirectory(prefix="git-ar-source-")
        zipfile.ZipFile(io.BytesIO(ours)).extractall(self.source.name)
        sys.path.insert(0, self.source.name)
        from autoresearch_git.backends.ray.node import NodeRun

        self.packed = job
        self.run = NodeRun(job, setup)

    def job(self) -> bytes:
        """The job, for a client that did not start it."""
        return self.packed

    def call(self, method: str, *args: Any) -> Any:  # noqa: ANN401 - plain values of NodeRun
        return getattr(self.run, method)(*args)
