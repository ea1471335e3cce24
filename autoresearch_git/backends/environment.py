"""The environment of a run: what the command needs, none of the user's secrets.

An allow-list, because a block-list forgets; and after it a filter by name, because the allowed
prefixes contain such things as NVIDIA_API_KEY.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ALLOWED = (
    *("HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "LC_", "LD_LIBRARY_PATH"),
    *("AUTORESEARCH_", "CUDA_", "CUDNN_", "NVIDIA_", "NCCL_", "ROCM_", "HIP_"),
    *("TORCH", "PYTORCH_", "TRITON_", "XLA_", "JAX_", "OMP_", "MKL_", "OPENBLAS_"),
    *("XDG_CACHE_HOME", "XDG_DATA_HOME", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE"),
    *("UV_PYTHON", "UV_CACHE_DIR", "UV_LINK_MODE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    "PYTHONHASHSEED",
)
SECRET = re.compile(r"TOKEN|SECRET|PASS(WORD|WD|PHRASE)|CREDENTIAL|API_?KEY|_KEY$|AUTH(_|$)|COOKIE")
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
CACHES = {  # kernels and the like, compiled once and shared by all runs
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "CUDA_CACHE_PATH": "cuda",
    "FLASH_ATTENTION_CUTE_DSL_CACHE_DIR": "flash-attn",
    "QUACK_CACHE_DIR": "quack",
    "MPLCONFIGDIR": "matplotlib",
    "NUMBA_CACHE_DIR": "numba",
}


def allowed(given: Mapping[str, str], network: bool = False) -> dict[str, str]:
    """The part of an environment that a run may see."""
    kept = {k: v for k, v in given.items() if k.startswith(ALLOWED)}
    if network:
        kept |= {k: v for k, v in given.items() if k.lower() in PROXIES}
    return {k: v for k, v in kept.items() if not SECRET.search(k.upper())}


def build(
    cache: Path,
    tmp: Path,
    *,
    python: Path,
    seed: int | None,
    marks: Mapping[str, str],
    gpus: Sequence[int],
    threads: int | None,
    network: bool,
    extra: Mapping[str, str],
) -> dict[str, str]:
    """All variables of one run. `extra` comes last: the contract may set what it wants."""
    env = allowed(os.environ, network)
    env["PATH"] = os.pathsep.join([str(python), *_path()])
    env["TMPDIR"] = str(tmp)
    env["PYTHONUNBUFFERED"] = "1"  # progress arrives while it is progress
    env["GIT_CEILING_DIRECTORIES"] = str(tmp.parent)  # the checkout is inside somebody's .git
    if sys.prefix != sys.base_prefix:
        env["VIRTUAL_ENV"] = sys.prefix
    env |= {name: str(cache / sub) for name, sub in CACHES.items() if name not in env}
    env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, gpus))
    env["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # nvidia-smi's numbers, not the fastest first
    if threads:
        env |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    if seed is not None:
        env["AUTORESEARCH_SEED"] = str(seed)
    return env | dict(extra) | dict(marks)


def python_folder(private: Path) -> Path:
    """A folder in which `python` is the interpreter that runs us.

    Its own folder, except where that has only a `python3`: then a starter is written. A link
    would not do, a virtual environment is found by the place of its interpreter.
    """
    own = Path(sys.executable).parent
    if (own / "python").exists():
        return own
    starter = private / "bin/python"
    if not starter.exists():
        starter.parent.mkdir(parents=True, exist_ok=True)
        partial = starter.with_name(f"python.{os.getpid()}")
        partial.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        partial.chmod(0o755)
        partial.replace(starter)
    return starter.parent


def _path() -> list[str]:
    found = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return [folder for folder in found if os.path.isabs(folder)]  # "." would be the checkout
