"""The SDK at arm's length: reachable at all, its errors as ours, its talk not on stdout."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterator
from types import ModuleType
from urllib.parse import urlsplit

from autoresearch_git.errors import ArError, HarnessError

PROBE = 5.0  # seconds; the SDK itself would try for a minute
VERSIONS = ((1, 6, 4), (1, 7))  # tested ones: from, below


def sdk() -> ModuleType:
    """The modal package, in a version that this backend was tested with."""
    # Sandboxes with and without a GPU take different ways through the SDK; this is the tested one.
    os.environ.setdefault("MODAL_SANDBOX_V2", "0")
    os.environ.setdefault("MODAL_MAX_THROTTLE_WAIT", "60")  # it would wait for ever
    try:
        import modal
    except ImportError:
        cure = "pip install 'autoresearch-git[modal]'"
        raise ArError("the modal package is not installed", cure) from None
    found = tuple(int(part) for part in modal.__version__.split(".")[:3] if part.isdigit())
    if not VERSIONS[0] <= found < VERSIONS[1]:
        wanted = "pip install 'modal>=1.6.4,<1.7'"
        raise ArError(f"modal {modal.__version__} is not known to work", wanted)
    return modal


def check() -> None:
    """That there is a token, and that the server answers; ArError with the cure otherwise."""
    from modal.config import config

    if not config.get("token_id") or not config.get("token_secret"):
        raise ArError("there is no Modal token", "log in once: modal setup")
    url = urlsplit(config.get("server_url"))
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname, port), PROBE).close()
    except OSError as error:
        about = f"Modal cannot be reached at {url.hostname}: {error.strerror or error}"
        raise HarnessError(about, "is the network up?") from None


@contextlib.contextmanager
def errors(doing: str) -> Iterator[None]:
    """Turns the SDK's errors into ours: the user's to cure, or the machinery's."""
    from modal import exception as modal

    try:
        yield
    except modal.AuthError as error:
        raise ArError(f"Modal does not know you: {error}", "log in: modal setup") from None
    except modal.PermissionDeniedError as error:
        raise ArError(f"Modal refuses: {error}", "which workspace? modal profile list") from None
    except modal.ConflictError as error:  # the container cannot start
        raise HarnessError(f"{doing} cannot start: {error}") from None
    except modal.InvalidError as error:
        raise ArError(f"{doing}: {error}", "check ar.modal.gpu and the other settings") from None
    except modal.ImageBuildError as error:
        raise HarnessError(f"the image could not be built: {error}", "its log is above") from None
    except modal.ResourceExhaustedError as error:
        raise NoCapacityError(f"nothing free: {error}", "name more: --gpu H100!,H200") from None
    except modal.VersionError as error:
        raise ArError(f"{doing}: {error}", "pip install 'modal>=1.6.4,<1.7'") from None
    except (modal.Error, OSError) as error:
        raise HarnessError(f"{doing}: {type(error).__name__}: {error}") from None


class NoCapacityError(HarnessError):
    """No machine of this kind is free now."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Build output goes to stderr: stdout is data."""
    import modal

    with contextlib.redirect_stdout(sys.stderr), modal.enable_output():
        yield
