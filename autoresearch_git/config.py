"""The contract, `autoresearch.toml` on the research branch, and the settings of a machine."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from difflib import get_close_matches

import msgspec

from autoresearch_git.errors import ArError, ContractError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "autoresearch.toml"
HOUR = 3600.0
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": HOUR}


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an experiment may change, how it is run, and what it is judged by."""

    target: tuple[str, ...]
    protect: tuple[str, ...] = ()
    command: str
    metric: str
    direction: str = "minimize"
    timeout: str = "10m"  # outer limit of a run: over it, the run is killed
    budget: float | None = None  # seconds of training that the command allows itself
    sigma: float = 0.001  # prior standard deviation of one run, in the metric's unit
    network: bool = False  # whether a sandboxed run may use the network

    @property
    def minimize(self) -> bool:
        return self.direction == "minimize"

    @property
    def timeout_seconds(self) -> float:
        return seconds(self.timeout)


def parse(text: str) -> Contract:
    """The contract in the text of an autoresearch.toml; ContractError says what is wrong."""
    try:
        contract = msgspec.convert(tomllib.loads(text), Contract)
        contract.timeout_seconds  # noqa: B018 - its errors are wanted here
    except tomllib.TOMLDecodeError as error:
        raise ContractError(f"{FILE} is not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise ContractError(f"{FILE}: {error}", _hint(str(error))) from None
    except ArError as error:
        raise ContractError(f"{FILE}: {error.message}", error.hint) from None
    if contract.direction not in ("minimize", "maximize"):
        raise ContractError(f"{FILE}: direction is {contract.direction!r}", "minimize or maximize")
    if not contract.target:
        raise ContractError(f"{FILE}: target names no file", 'for example: target = ["train.py"]')
    both = set(contract.target) & set(contract.protect)
    if both:
        raise ContractError(f"{FILE}: {', '.join(sorted(both))} is both target and protected")
    return contract


def render(contract: Contract) -> str:
    """The contract as the text of an autoresearch.toml, with a comment on each line."""
    files = ", ".join(map(_quoted, contract.target))
    guarded = ", ".join(map(_quoted, contract.protect))
    budget = "" if contract.budget is None else f"budget = {contract.budget:g}"
    lines = [
        "# The contract of this research. Changing it starts a new class of experiments.",
        f"target = [{files}]  # what an experiment may change",
        f"protect = [{guarded}]  # restored from this commit before every run",
        f"command = {_quoted(contract.command)}",
        f"metric = {_quoted(contract.metric)}",
        f"direction = {_quoted(contract.direction)}",
        f"timeout = {_quoted(contract.timeout)}  # a run over this is killed",
        f"{budget or '# budget = 300'}  # seconds of training that the command allows itself",
        f"sigma = {contract.sigma:g}  # noise of one run, until replicates are there",
        f"network = {str(contract.network).lower()}  # may a sandboxed run use the network",
    ]
    return "\n".join(lines) + "\n"


def contract_id(contract: Contract, protected: Mapping[str, str]) -> str:
    """Eight hex digits that change with the contract or a protected file (path -> blob oid)."""
    data = msgspec.json.encode([contract, dict(protected)], order="sorted")
    return hashlib.sha256(data).hexdigest()[:8]


def seconds(text: str) -> float:
    """A duration such as 90, 90s, 10m or 1.5h, in seconds."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh]?)\s*", text)
    if not match or float(match[1]) <= 0:
        raise ArError(f"{text!r} is no duration", "write it like 90s, 10m or 1.5h")
    return float(match[1]) * _UNITS[match[2]]


def setting(name: str, config: Mapping[str, str], default: str = "") -> str:
    """A machine's setting `ar.NAME`: the environment's AR_NAME, else git config, else default."""
    variable = "AR_" + name.upper().replace(".", "_")
    return os.environ.get(variable) or config.get(f"ar.{name}".lower(), default)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _hint(said: str) -> str:
    known = Contract.__struct_fields__
    unknown = re.search(r"unknown field `(.+?)`", said)
    if not unknown:
        return "compare with: git ar init --help"
    close = get_close_matches(unknown[1], known, 1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
