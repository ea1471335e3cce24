"""What a run ran on: a fingerprint for its fact, and the short name that its class is made of."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoresearch_git import refs

LONGEST = 40  # characters of a hardware class: it is a part of ref names
SAMPLE = 1 << 20  # bytes of each end of a data file that go into its hash
TEARDOWN = 2.0  # seconds for which the driver may still list a process that died
_QUERY = "index,uuid,name,power.limit,driver_version,memory.total"


@dataclass(frozen=True)
class Gpu:
    """One GPU as nvidia-smi names it; `power` in watts, `memory` in MiB (None: not said)."""

    index: int
    uuid: str
    name: str
    power: float | None = None
    driver: str = ""
    memory: float | None = None


@functools.cache
def cores() -> tuple[int, ...]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


@functools.cache
def gpus() -> tuple[Gpu, ...]:
    """The GPUs of this machine that CUDA_VISIBLE_DEVICES leaves; () without nvidia-smi."""
    lines = _smi(f"--query-gpu={_QUERY}")
    found = tuple(_gpu(line) for line in lines if line.count(",") >= 5)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    names = [name.strip() for name in visible.split(",") if name.strip()]
    return tuple(g for g in found if str(g.index) in names or g.uuid in names)


def gpu_processes(chosen: Sequence[Gpu], patience: float = 0.0) -> dict[str, list[int]]:
    """Pids with a compute context, by the uuid of the GPU; a container may hide other pids.

    Looks again for `patience` seconds: a process that just died is listed for a moment longer.
    """
    until = time.monotonic() + patience
    while held := _gpu_processes(chosen):
        if time.monotonic() >= until:
            break
        time.sleep(0.2)
    return held


def _gpu_processes(chosen: Sequence[Gpu]) -> dict[str, list[int]]:
    held: dict[str, list[int]] = {}
    for line in _smi("--query-compute-apps=gpu_uuid,pid") if chosen else ():
        uuid, _, pid = (part.strip() for part in line.partition(","))
        if pid.isdigit() and any(uuid == gpu.uuid for gpu in chosen):
            held.setdefault(uuid, []).append(int(pid))
    return held


def fingerprint(
    chosen: Sequence[Gpu] = (), share: float | None = None, data: Iterable[Path] = ()
) -> dict[str, Any]:
    """What results depend on, for one run with these GPUs and this share of the cores."""
    print_: dict[str, Any] = {
        "host": host(),
        "cpu": _cpu_model(),
        "cores": round(len(cores()) if share is None else share, 2),
        "python": platform.python_version(),
        "torch": _version("torch"),
        "system": f"{platform.system()} {platform.release()}",
    }
    if chosen:
        first = chosen[0]
        print_ |= {"gpu": first.name, "gpus": len(chosen), "power_limit": first.power}
        print_ |= {"driver": first.driver, "gpu_memory": first.memory}
    hashed = data_hash(data)
    return print_ | ({"data": hashed} if hashed else {})


def hardware_class(print_: Mapping[str, Any]) -> str:
    """The short name of a fingerprint: only runs of one name are compared."""
    if print_.get("gpu"):
        tail = f"-x{print_['gpus']}"
        head = refs.component(str(print_["gpu"]))
    else:
        tail = ""
        head = refs.component(f"cpu-{print_['cores']:g}x-{_short_cpu(str(print_['cpu']))}")
    return head[: LONGEST - len(tail)].rstrip(".-") + tail


def run_class(contract: str, print_: Mapping[str, Any]) -> str:
    """The class of a run: contract id and hardware, "" where nothing is known of the hardware."""
    return f"{contract}-{hardware_class(print_)}" if print_.get("cpu") else ""


def data_hash(paths: Iterable[Path]) -> str:
    """A hash of the names, sizes and both ends of all files below the paths, "" for none."""
    digest, any_file = hashlib.sha256(), False
    for path in paths:
        path = path.expanduser()
        for file in sorted(p for p in (path.rglob("*") if path.is_dir() else [path])):
            if not file.is_file():
                continue
            any_file = True
            name = file.relative_to(path) if path.is_dir() else Path(file.name)
            stat = file.stat()
            digest.update(f"{name}\0{stat.st_size}\0".encode())
            digest.update(_ends(str(file), stat.st_size, stat.st_mtime_ns))
    return digest.hexdigest()[:16] if any_file else ""


@functools.lru_cache(4096)
def _ends(file: str, size: int, _mtime: int) -> bytes:
    with open(file, "rb") as opened:
        first = opened.read(SAMPLE)
        opened.seek(max(0, size - SAMPLE))
        return hashlib.sha256(first + opened.read(SAMPLE)).digest()


def _gpu(line: str) -> Gpu:
    index, uuid, name, power, driver, memory = (part.strip() for part in line.split(",")[:6])
    return Gpu(int(index), uuid, name, _number(power), driver, _number(memory))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None  # "[N/A]" in virtual machines


def _smi(query: str) -> list[str]:
    try:
        done = subprocess.run(
            ("nvidia-smi", query, "--format=csv,noheader,nounits"),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.strip().splitlines() if done.returncode == 0 else []


@functools.cache
def host() -> str:
    """This machine, told from others of its kind: by its GPUs, since rented ones share a name."""
    told = sorted(_smi("--query-gpu=uuid"))
    if not told:
        with contextlib.suppress(OSError):
            told.append(Path("/etc/machine-id").read_text(encoding="utf-8").strip())
        told.append(platform.node())
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


@functools.cache
def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Model")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _short_cpu(model: str) -> str:
    drop = {"cpu", "processor", "with", "(r)", "(tm)", "@"}
    text = model.lower().replace("(r)", " ").replace("(tm)", " ").partition("@")[0]
    return "-".join(word for word in text.split() if word not in drop)


@functools.cache
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
