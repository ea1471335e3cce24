"""The way to Ray: connecting, what is sent to a node, and errors in our own words."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import pickle
import socket
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import autoresearch_git
from autoresearch_git.errors import ArError, HarnessError

NAMESPACE = "git-ar"
PROBE = 5.0  # seconds to reach the head node: Ray itself tries for a minute
SENT = ("__init__.py", "errors.py", "refs.py", "backends/*.py", "backends/ray/*.py")
_opening = threading.Lock()


class LostError(HarnessError):
    """The worker or the node is gone, and with it everything that the run did."""


class SilentError(LostError):
    """Nothing came back in time."""


def sdk() -> Any:  # noqa: ANN401 - the module has no types that we could name
    """Ray, imported now."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise ArError("Ray is not installed", "pip install 'autoresearch-git[ray]'") from None
    return ray


def connect(address: str) -> Any:  # noqa: ANN401
    """Ray, connected: to the cluster at the address, else to one that ends with this process."""
    ray = sdk()
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address and not port.isdigit():
        raise ArError(f"ar.ray.address is {address!r}", "HOST:PORT or ray://HOST:PORT")
    with _opening:
        if ray.is_initialized():
            return ray
        if address:
            _reach(host.strip("[]"), int(port))
        _keep_stdout_clean(ray)
        try:
            ray.init(
                address=address or "local",  # never one that happens to run here
                namespace=NAMESPACE,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level="ERROR",
            )
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            where = f"the Ray cluster at {address}" if address else "a Ray cluster of our own"
            raise HarnessError(f"no connection to {where}: {_line(error)}", _CURE) from None
    return ray


_CURE = "git config ar.ray.address HOST:6379, with the Ray and Python of its nodes"


def _reach(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), PROBE).close()
    except OSError as error:
        raise HarnessError(f"nothing answers at {host}:{port}: {error}", _CURE) from None


def _keep_stdout_clean(ray: Any) -> None:  # noqa: ANN401
    """Ray prints there that a worker died, whatever `log_to_driver` says; we tell it in the run."""
    if hasattr(ray._private.worker, "print_to_stdstream"):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """What Ray raises, as our errors: LostError where another try may do."""
    from ray import exceptions

    try:
        yield
    except exceptions.RayTaskError as error:
        raise HarnessError(f"on the node: {_line(error.cause)}") from None
    except exceptions.GetTimeoutError:
        raise SilentError("the node does not answer") from None
    except exceptions.RayError as error:
        raise LostError(_line(error)) from None


@functools.cache
def source() -> bytes:
    """Our source, as far as a node needs it, as a zip file; all runs of a process have the same."""
    root = Path(autoresearch_git.__file__).parent
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as zipped:
        for pattern in SENT:
            for path in sorted(root.glob(pattern)):
                zipped.write(path, path.relative_to(root.parent))
    return packed.getvalue()


def courier(ray: Any, job: object, setup: dict[str, Any], **how: Any) -> Any:  # noqa: ANN401
    """The actor of a run. Never restarted by Ray: whether to try again is ours to say."""
    from autoresearch_git.backends.ray import courier as module

    ray.cloudpickle.register_pickle_by_value(module)
    actor = ray.remote(module.Courier)
    how |= {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": 4}
    return actor.options(**how).remote(source(), pickle.dumps(job), setup)


def _line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
