"""Propose the baseline and what others published, so that a research starts from what is known.

    python published.py [baseline] [author] [fork] [swarm]     in a research; default: all four

Each is one experiment: the untouched train.py beside this file with the settings below. Settings
are facts from the projects' public reports; the code is ours.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autoresearch_git.errors import ArError
from autoresearch_git.records import Experiment, Plan
from autoresearch_git.research import Research
from autoresearch_git.search import knobs
from autoresearch_git.stages.propose import commit

TRAIN = Path(__file__).with_name("train.py")


@dataclass(frozen=True)
class Published:
    """A configuration: knobs by name, and pieces of code to replace."""

    about: str
    reached: str  # as reported, on hardware and data of their own
    knobs: Mapping[str, object]
    code: Sequence[tuple[str, str]] = field(default=())


BASELINE = {
    "DEPTH": 8, "TOTAL_BATCH_SIZE": 2**19, "SHORT_WINDOW": 0.5, "ROPE_BASE": 10000.0,
    "QUERY_SCALE": 1.0, "TOKEN_SHIFT": False, "VALUE_EVERY": 2, "X0_INIT": 0.1,
    "MATRIX_LR": 0.04, "HEAD_LR": 0.004, "SCALAR_LR": 0.5, "EMBED_DECAY": 0.0, "VALUE_DECAY": 0.0,
    "DAMPING": 0.0, "MUON_DECAY": 0.2, "MUON_BETA2": 0.95, "WARMDOWN": 0.5, "FINAL_LR": 0.0,
    "MEAN_WINDOW": 0.0, "SHARPNESS": 1.0,
}  # fmt: skip

_ROTARY = "        q, k = rotate(q, cos, sin), rotate(k, cos, sin)\n"
_QK_NORM = "        if QK_NORM:\n            q, k = QUERY_SCALE * norm(q), norm(k)\n"

PUBLISHED = {
    "baseline": Published("the upstream project's start", "to 0.9979 on one H100", BASELINE),
    "author": Published(
        "the upstream author's best of 125 runs",
        "0.997900 -> 0.969686 on one H100",
        BASELINE | {
            "TOTAL_BATCH_SIZE": 2**18, "DEPTH": 9, "ASPECT_RATIO": 57,
            "WARMDOWN": 0.75, "FINAL_LR": 0.05,
            "WINDOW_PATTERN": "SSSSL", "SHORT_WINDOW": 0.125, "ROPE_BASE": 200000.0,
            "EMBED_LR": 0.9, "HEAD_LR": 0.005, "X0_INIT": 0.05, "INIT_SCALE": 0.68,
            "MOMENTUM_STEPS": 200,
            "HEAD_DECAY": 0.01, "EMBED_DECAY": 0.001, "VALUE_DECAY": 0.003,
        },
        # embeddings decay to the end; the matrices' decay alone falls
        [("p.mul_(1 - lr * decay * fall)", "p.mul_(1 - lr * decay)")],
    ),
    "fork": Published(
        "the best of 102 runs of autoresearch-evo",
        "0.997426 -> 0.985596 on one H100",
        BASELINE | {
            "NORM": "layer", "WINDOW_PATTERN": "SSLL",
            "TOTAL_BATCH_SIZE": 2**17, "DEVICE_BATCH_SIZE": 64,
            "MUON_DECAY": 0.109, "WARMUP": 0.02,
        },
        [(
            _QK_NORM + _ROTARY,  # the other way round: this norm sees what was rotated
            _ROTARY + "        if QK_NORM:\n"
            "            size = q.shape[-1:]\n"
            "            q, k = (\n"
            "                (0.75 * F.rms_norm(z, size) + 0.25 * F.layer_norm(z, size))"
            ".to(x.dtype)\n"
            "                for z in (q, k)\n"
            "            )\n",
        )],
    ),
    "swarm": Published(
        "the best of 2430 runs of a swarm of 8 agents",
        "1.044 -> 0.9767 on slower H100s",
        BASELINE | {
            "DEPTH": 12, "TOTAL_BATCH_SIZE": 2**17, "QUERY_SCALE": 1.25,
            "SHORT_WINDOW": 0.25, "ROPE_BASE": 60000.0, "X0_INIT": 0.2,
            "MATRIX_LR": 0.028, "MUON_BETA2": 0.83, "MUON_DECAY": 0.17,
            "HEAD_LR": 0.009, "SCALAR_LR": 0.25, "EMBED_DECAY": 0.008, "VALUE_DECAY": 0.008,
            "WARMDOWN": 0.88, "FINAL_LR": 0.03,
        },
    ),
}  # fmt: skip


def configured(name: str, source: str, machine: str = "gpu") -> str:
    """The text of train.py with a published configuration; `machine`: whose sizes are set."""
    chosen = PUBLISHED[name]
    reading = knobs.read({"train.py": source}, machine)
    values = {}
    for knob in reading.knobs:
        base = knob.name.split("@")[0]
        if knob.active and base in chosen.knobs:
            value = chosen.knobs[base]
            values[knob.name] = f'"{value}"' if isinstance(value, str) else str(value)
    if len(values) != len(chosen.knobs):
        lost = set(chosen.knobs) - {name.split("@")[0] for name in values}
        raise ArError(f"train.py has no knob {', '.join(sorted(lost))}")
    text = knobs.write({"train.py": source}, reading, values)["train.py"]
    for old, new in chosen.code:
        if text.count(old) != 1:
            raise ArError(f"{name}: train.py does not have this once:\n{old}")
        text = text.replace(old, new)
    return text


def propose(research: Research, name: str) -> Experiment:
    """Announce a published configuration; DuplicateError if it is known already."""
    chosen = PUBLISHED[name]
    plan = Plan(
        emitter="person",
        phase="explore",
        change=f"published: {chosen.about}",
        parent=research.tip,
        hypothesis=f"it went {chosen.reached}; here it runs on our data and machine",
    )
    return commit(
        research, plan, (research.tip,), {"train.py": configured(name, TRAIN.read_text())}
    )


if __name__ == "__main__":
    try:
        for name in sys.argv[1:] or PUBLISHED:
            if name not in PUBLISHED:
                raise ArError(f"{name} is not one of {', '.join(PUBLISHED)}")
            made = propose(Research.open(), name)
            print(made.commit[:9], made.plan.change if made.plan else "")
    except ArError as error:
        sys.exit(f"published.py: {error.message}\n  hint: {error.hint}")
