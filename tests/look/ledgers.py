"""A made-up ledger with its branch, as the upstream project's agents leave them behind."""

from __future__ import annotations

import random

from tests.support import Sandbox

HEAD = "commit\tval_bpb\tmemory_gb\tstatus\tdescription"
BRANCH = "autoresearch/mar8"


def ledger(sandbox: Sandbox, keeps: int = 22, discards: int = 102, crashes: int = 1) -> str:
    """Commit the keeps on a branch, forget most of the discards; the text of results.tsv."""
    rng = random.Random(8)
    sandbox.commit("baseline code")
    sandbox.git("switch", "-q", "-c", BRANCH)
    best, knob, rows = 0.9979, 0.04, []
    rows.append((sandbox.git("rev-parse", "--short=7", "HEAD"), best, 44.0, "keep", "baseline"))
    kinds = ["keep"] * keeps + ["discard"] * discards + ["crash"] * crashes
    rng.shuffle(kinds)
    for k, kind in enumerate(kinds):
        if kind == "keep":
            knob, best = round(knob * 1.1, 6), best - rng.random() * 0.002
            text = (sandbox.folder / "train.py").read_text()
            lines = [
                f"LEARNING_RATE = {knob}" if line.startswith("LEARNING_RATE") else line
                for line in text.splitlines()
            ]
            about = f"raise the learning rate to {knob}"
            oid = sandbox.commit(f"exp: {about}", train__py="\n".join(lines) + "\n")[:7]
            rows.append((oid, best, 44.0, "keep", about))
        elif kind == "discard":
            oid = f"{rng.getrandbits(28):07x}"
            worse = best + rng.random() * 0.01
            rows.append((oid, worse, 44.2, "discard", f'idea {k}, with "quotes", and 10%'))
        else:
            rows.append((f"{rng.getrandbits(28):07x}", 0.0, 0.0, "crash", "double the width (OOM)"))
    body = [f"{oid}\t{value:.6f}\t{gb:.1f}\t{kind}\t{text}" for oid, value, gb, kind, text in rows]
    return "\n".join([HEAD, *body]) + "\n"
