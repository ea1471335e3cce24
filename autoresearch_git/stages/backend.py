"""The backend of a research, as flags and git config say, and the class that its runs have."""

from __future__ import annotations

import os
from pathlib import Path

from autoresearch_git.backends import BACKENDS, hardware
from autoresearch_git.backends.base import Backend, Options
from autoresearch_git.errors import ArError
from autoresearch_git.research import Research


def open_backend(
    research: Research,
    name: str = "",
    jobs: str = "",
    sandbox: bool | None = None,
    gpu: str = "",
) -> Backend:
    """The backend that a flag or `ar.backend` names, with so many runs at once (or `ar.jobs`)."""
    name = name or research.setting("backend", "local")
    if name not in BACKENDS:
        raise ArError(f"there is no backend {name!r}", f"one of: {', '.join(BACKENDS)}")
    if gpu and name != "modal":
        cure = "use it with --backend modal; here CUDA_VISIBLE_DEVICES chooses"
        raise ArError("--gpu says what to rent", cure)
    return BACKENDS[name](options(research, name, jobs, sandbox, gpu))


def options(
    research: Research, name: str, jobs: str = "", sandbox: bool | None = None, gpu: str = ""
) -> Options:
    """How a backend is set up here. What only it understands is in `ar.NAME.*`."""
    cache = os.environ.get("AUTORESEARCH_CACHE") or str(Path.home() / ".cache" / "autoresearch")
    place = research.memory.place
    place.private.mkdir(exist_ok=True)
    Path(cache).mkdir(parents=True, exist_ok=True)
    prefix = f"ar.{name}."
    extra = {
        k.removeprefix(prefix): v for k, v in research.settings.items() if k.startswith(prefix)
    }
    return Options(
        folder=place.private,
        jobs=_jobs(jobs or research.setting("jobs", "1")),
        sandbox=sandbox,
        network=research.contract.network,
        cache=Path(cache),
        extra=extra | ({"gpu": gpu} if gpu else {}),
    )


def _jobs(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise ArError(f"jobs is {text!r}", "a number from 1 on, or auto")
    return int(text)


def class_here(research: Research, backend: Backend | None = None) -> str:
    """The class that a run on the backend (default: the one that is configured) would have."""
    backend = backend or open_backend(research)
    return hardware.run_class(research.contract_id, backend.fingerprint())
