"""The container: packages of the repository, the experiment's files, and our entry."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from autoresearch_git.backends.modal.settings import Settings

APP, OURS = "/app", "/ar"
DATA, MODELS, KERNELS = "/cache/autoresearch", "/cache/huggingface", "/cache/kernels"
DEFAULT = ("torch", "numpy", "tiktoken", "pyarrow", "rustbpe")
_ENTRY = (
    "__init__.py", "refs.py", "backends/__init__.py", "backends/base.py", "backends/hardware.py",
    "backends/modal/__init__.py", "backends/modal/entry.py",
)  # fmt: skip


def base(modal: ModuleType, settings: Settings, tree: Path, kept: Path) -> Any:
    """An image with the packages that the commit asks for; Modal builds equal ones only once.

    In this order: ar.modal.packages, uv.lock, requirements.txt, what the benchmark needs. The files
    that the SDK reads are copied to `kept`, where no later checkout changes them under it.
    """
    image = modal.Image.debian_slim(python_version=settings.python)
    if settings.packages:
        return image.pip_install(*settings.packages)
    names = [n for n in ("pyproject.toml", "uv.lock", "requirements.txt") if (tree / n).is_file()]
    kept.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(tree / name, kept / name)
    if "uv.lock" in names and "pyproject.toml" in names:
        found = image.uv_sync(str(kept), frozen=True)
        # so that `uv run` uses what is there instead of making an environment while time runs
        return found.env({"UV_PROJECT_ENVIRONMENT": "/.uv/.venv", "UV_NO_SYNC": "1"})
    if "requirements.txt" in names:
        return image.pip_install_from_requirements(str(kept / "requirements.txt"))
    return image.pip_install(*DEFAULT)


def entry(folder: Path) -> Path:
    """A folder with the part of git ar that the container needs; made whole, then never written.

    The SDK refuses files that change while it reads them, and many runs start at once.
    """
    package = Path(__file__).resolve().parents[2]
    content = {name: (package / name).read_bytes() for name in _ENTRY}
    target = folder / hashlib.sha256(repr(content).encode()).hexdigest()[:12]
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder))
        for name, data in content.items():
            copy = made / "autoresearch_git" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
        made.chmod(0o755)
        try:
            made.rename(target)
        except OSError:  # another run was first
            shutil.rmtree(made)
    return target
