"""What Ray itself carries to a node. Sent by value: a node needs Ray, and nothing of ours.

So nothing of ours is named here at module level; `ours` is our source, a zip file.
"""

from __future__ import annotations

from typing import Any


class Courier:
    """The actor of one run: unpacks our source and hands every call to `node.NodeRun`.

    A killed actor cleans nothing up, so all runs of a node share one copy of each version.
    """

    def __init__(self, ours: bytes, job: bytes, setup: dict[str, Any]) -> None:
        import contextlib
        import hashlib
        import io
        import os
        import sys
        import tempfile
        import zipfile

        shared = os.path.join(tempfile.gettempdir(), f"git-ar-source-{os.getuid()}")
        os.makedirs(shared, mode=0o700, exist_ok=True)
        if os.stat(shared).st_uid != os.getuid():
            raise PermissionError(f"{shared} belongs to somebody else")
        source = os.path.join(shared, hashlib.sha256(ours).hexdigest()[:16])
        if not os.path.exists(source):
            with tempfile.TemporaryDirectory(dir=shared) as aside:
                unpacked = os.path.join(aside, "source")
                zipfile.ZipFile(io.BytesIO(ours)).extractall(unpacked)
                with contextlib.suppress(OSError):  # another run was first: it is the same
                    os.rename(unpacked, source)
        sys.path.insert(0, source)
        from autoresearch_git.backends.ray.node import NodeRun

        self.packed = job
        self.run = NodeRun(job, setup)

    def job(self) -> bytes:
        """The job, for a client that did not start it."""
        return self.packed

    def call(self, method: str, *args: Any) -> Any:  # noqa: ANN401 - plain values of NodeRun
        return getattr(self.run, method)(*args)
