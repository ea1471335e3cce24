"""How the Modal backend is set up: flags, git config `ar.modal.*`, and the fork's variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

# US dollars a second (November 2026), for the cost in a fact; the bill is Modal's own.
RATES = {
    "B200": 0.001736, "H200": 0.001261, "H100": 0.001097, "A100-80GB": 0.000694,
    "A100": 0.000583, "A100-40GB": 0.000583, "L40S": 0.000542, "A10": 0.000306, "A10G": 0.000306,
    "L4": 0.000222, "T4": 0.000164,
}  # fmt: skip
CORE, GIBIBYTE = 0.0000131, 0.00000222  # dollars a second


@dataclass(frozen=True)
class Settings:
    """What to rent, and where things are kept."""

    gpus: tuple[str, ...] = ("H100!",)  # in this order, until one is free; () is no GPU
    app: str = "git-ar"
    volume: str = "git-ar-data"
    kernels: str = "git-ar-kernels"  # volume of compiled kernels; "" keeps none
    models: str = ""  # volume with Hugging Face's cache, mounted at /cache/huggingface
    packages: tuple[str, ...] = ()  # instead of what the repository says
    python: str = "3.11"
    cpu: float = 8.0
    memory: int = 32768  # MiB

    @classmethod
    def of(cls, extra: Mapping[str, str]) -> Settings:
        """From `Options.extra`: the keys of `ar.modal.*` without the prefix."""
        gpus = extra.get("gpu", "H100!").replace(",", " ").split()
        found, kernels = os.environ.get, extra.get("kernels", cls.kernels)
        return cls(
            gpus=() if gpus in (["none"], []) else tuple(gpus),
            app=found("AUTORESEARCH_MODAL_APP_NAME") or extra.get("app", cls.app),
            volume=found("AUTORESEARCH_MODAL_DATA_VOLUME_NAME") or extra.get("volume", cls.volume),
            kernels="" if kernels == "none" else kernels,
            models=found("AUTORESEARCH_MODAL_HF_VOLUME_NAME") or extra.get("models", ""),
            packages=tuple(extra.get("packages", "").split()),
            python=extra.get("python", cls.python),
            cpu=float(extra.get("cpu", cls.cpu)),
            memory=int(extra.get("memory", cls.memory)),
        )

    def cost(self, gpu: str, seconds: float) -> float:
        """US dollars for so long on a GPU such as "H100!:2"; unknown types cost what is known."""
        name, _, count = gpu.replace("!", "").replace("+", "").partition(":")
        rate = RATES.get(name.upper(), 0.0) * int(count or 1)
        rate += CORE * self.cpu + GIBIBYTE * self.memory / 1024
        return round(seconds * rate, 4)
