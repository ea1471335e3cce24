"""Where runs happen. `BACKENDS` maps a name to what opens it; heavy ones import when opened."""

from __future__ import annotations

from collections.abc import Callable

from autoresearch_git.backends.base import Backend, Options


def _local(options: Options) -> Backend:
    from autoresearch_git.backends.local import LocalBackend

    return LocalBackend(options)


def _modal(options: Options) -> Backend:
    from autoresearch_git.backends.modal.backend import ModalBackend

    return ModalBackend(options)


def _ray(options: Options) -> Backend:
    from autoresearch_git.backends.ray.backend import RayBackend

    return RayBackend(options)


BACKENDS: dict[str, Callable[[Options], Backend]] = {
    "local": _local,
    "modal": _modal,
    "ray": _ray,
}
