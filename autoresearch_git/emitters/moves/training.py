"""Moves of the training: optimizer and schedule."""

from __future__ import annotations

from autoresearch_git.emitters.moves.base import Move
from autoresearch_git.emitters.moves.rewrite import first, rules
from autoresearch_git.emitters.moves.statements import before, keyword, prologue

_NUMBER = r"[\d.e-]+"

MOVES = (
    Move(
        "slower-beta2",
        "optimizer",
        "AdamW betas (0.9, 0.99)",
        "a longer average of the squares makes steps of rare parameters steadier",
        keyword("betas", rf"\({_NUMBER}, 0\.9[0-8]\d*\)", "(0.9, 0.99)"),
    ),
    Move(
        "faster-beta2",
        "optimizer",
        "AdamW betas (0.9, 0.95)",
        "in a short run the average of the squares must follow the gradients faster",
        keyword("betas", rf"\({_NUMBER}, 0\.99\d*\)", "(0.9, 0.95)"),
    ),
    Move(
        "weight-decay",
        "optimizer",
        "a little weight decay where there was none",
        "decay keeps the norm of rarely used weights from growing",
        keyword("weight_decay", r"0(\.0)?", "0.01"),
    ),
    Move(
        "no-nesterov",
        "optimizer",
        "plain instead of Nesterov momentum",
        "the look-ahead matters little once the momentum is high",
        keyword("nesterov", "True", "False"),
        simplifies=True,
    ),
    Move(
        "clip-gradients",
        "optimizer",
        "clip the gradient's norm at 1",
        "rare large gradients cost more progress than the clipping does",
        before(
            r"optim\w*\.step$",
            "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
            "clip_grad",
        ),
    ),
    Move(
        "cosine-warm-down",
        "schedule",
        "cosine instead of linear warm-down",
        "a smooth end of the schedule spends less time at rates that are neither high nor low",
        first(
            rules(
                (
                    "Q_f + (1 - Q_f) * Q_p",
                    "Q_f + (1 - Q_f) * (0.5 - 0.5 * math.cos(math.pi * Q_p))",
                ),
                unless=r"math\.cos",
                within="lr",
            ),
            rules(
                (
                    "Q_p * 1.0 + (1 - Q_p) * Q_f",
                    "Q_f + (1 - Q_f) * (0.5 - 0.5 * __import__('math').cos(3.14159265 * Q_p))",
                ),
                unless=r"cos\(3\.14",
                within="lr",
            ),
        ),
    ),
    Move(
        "sqrt-warm-down",
        "schedule",
        "1 - sqrt instead of linear warm-down",
        "falling fast at first leaves more time at low rates, where the loss drops",
        rules(
            ("Q_f + (1 - Q_f) * Q_p", "Q_f + (1 - Q_f) * (1 - (1 - Q_p) ** 0.5)"),
            ("Q_p * 1.0 + (1 - Q_p) * Q_f", "Q_f + (1 - Q_f) * (1 - (1 - Q_p) ** 0.5)"),
            unless=r"\) \*\* 0\.5\)",
            within="lr",
        ),
    ),
    Move(
        "warm-up",
        "schedule",
        "warm up over the first 2% of the budget",
        "the first steps, with wrong second moments, do harm at the full rate",
        prologue(
            "lr",
            "progress",
            "if progress < 0.02:\n    return progress / 0.02\n",
            "warm_?up",
        ),
    ),
)
