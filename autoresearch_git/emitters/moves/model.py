"""Moves of the model: activations, norms, attention, soft caps, gates, initial values."""

from __future__ import annotations

from autoresearch_git.emitters.moves.base import Move
from autoresearch_git.emitters.moves.rewrite import every, first, rules
from autoresearch_git.emitters.moves.statements import keyword

MOVES = (
    Move(
        "silu",
        "architecture",
        "SiLU instead of the present activation",
        "a smooth activation without dead units trains better than a rectified one",
        first(
            rules(("F.relu(Q_x).square()", "F.silu(Q_x)"), unless="ACTIVATION"),
            rules(("F.gelu(Q_x)", "F.silu(Q_x)"), ("nn.GELU()", "nn.SiLU()"), unless="ACTIVATION"),
        ),
    ),
    Move(
        "gelu",
        "architecture",
        "GELU instead of squared ReLU",
        "the square makes gradients of large activations too large",
        rules(("F.relu(Q_x).square()", "F.gelu(Q_x)"), unless="ACTIVATION"),
    ),
    Move(
        "relu2",
        "architecture",
        "squared ReLU instead of the present activation",
        "sparse activations with a quadratic tail use the width better, and cost less than GELU",
        rules(
            ("F.gelu(Q_x)", "F.relu(Q_x).square()"),
            ("F.silu(Q_x)", "F.relu(Q_x).square()"),
            unless=r"\)\.square\(\)|ACTIVATION",
        ),
    ),
    Move(
        "square-relu",
        "architecture",
        "square the ReLU",
        "a quadratic tail separates strong features from weak ones",
        rules(("F.relu(Q_x)", "F.relu(Q_x).square()"), unless=r"\)\.square\(\)|ACTIVATION"),
    ),
    Move(
        "layer-norm",
        "architecture",
        "LayerNorm instead of RMSNorm",
        "removing the mean stops a common offset from growing along the layers",
        rules(
            ("F.rms_norm(Q_x, *Q_rest)", "F.layer_norm(Q_x, *Q_rest)"),
            ("nn.RMSNorm(*Q_rest)", "nn.LayerNorm(*Q_rest)"),
            unless="NORM = ",
        ),
    ),
    Move(
        "rms-norm",
        "architecture",
        "RMSNorm instead of LayerNorm",
        "the mean need not be removed, and RMSNorm is cheaper",
        rules(
            ("F.layer_norm(Q_x, Q_shape)", "F.rms_norm(Q_x, Q_shape)"),
            ("nn.LayerNorm(Q_size)", "nn.RMSNorm(Q_size)"),
            unless="NORM = ",
        ),
        simplifies=True,
    ),
    Move(
        "no-softcap",
        "architecture",
        "remove the soft cap of the logits",
        "the cap limits confident predictions and costs a pass over the logits",
        rules(("Q_cap * torch.tanh(Q_x / Q_cap)", "Q_x")),
        simplifies=True,
    ),
    Move(
        "softcap",
        "architecture",
        "soft-cap the logits at 30",
        "a cap stops the loss of a few tokens from growing without bound",
        rules(
            (
                "F.cross_entropy(Q_x, *Q_rest)",
                "F.cross_entropy(30 * torch.tanh(Q_x / 30), *Q_rest)",
            ),
            unless=r"torch\.tanh\(",
        ),
    ),
    Move(
        "sharper-queries",
        "architecture",
        "scale the normed queries by 1.25",
        "unit queries and keys make the attention too flat",
        rules(("norm(q)", "1.25 * norm(q)"), unless=r"\* norm\(q\)"),
    ),
    Move(
        "no-qk-norm",
        "architecture",
        "remove the norm of queries and keys",
        "at this size attention is stable without it, and its scale can be learned",
        every(rules(("norm(q)", "q"), unless="QK_NORM"), rules(("norm(k)", "k"))),
        simplifies=True,
    ),
    Move(
        "gated-mlp",
        "architecture",
        "gate half of the MLP's hidden units with the other half",
        "a product of two projections expresses more than one activation, at fewer parameters",
        first(
            every(
                rules(("nn.Linear(4 * Q_n, *Q_r)", "nn.Linear(2 * Q_n, *Q_r)"), within="mlp"),
                rules(
                    (
                        "F.relu(Q_x).square()",
                        "(lambda gate, up: F.silu(gate) * up)(*Q_x.chunk(2, dim=-1))",
                    ),
                    ("F.gelu(Q_x)", "(lambda a, b: F.silu(a) * b)(*Q_x.chunk(2, dim=-1))"),
                    ("self.gelu(Q_x)", "(lambda a, b: F.silu(a) * b)(*Q_x.chunk(2, dim=-1))"),
                    within="mlp",
                ),
            ),
            every(
                rules(
                    ("torch.empty(Q_n, int(Q_r * Q_n))", "torch.empty(Q_n, int(Q_r * Q_n) // 2)"),
                    within="mlp",
                ),
                rules(
                    (
                        "ACTIVATIONS[ACTIVATION](Q_x)",
                        "(lambda a, b: ACTIVATIONS[ACTIVATION](a) * b)(*Q_x.chunk(2, dim=-1))",
                    ),
                    within="mlp",
                ),
            ),
        ),
    ),
    Move(
        "smaller-init",
        "initialization",
        "initial matrices smaller by a third",
        "smaller initial matrices let the embedding dominate early, when it learns fastest",
        first(
            rules(("3**0.5 * Q_x", "0.68 * 3**0.5 * Q_x"), unless=r"0\.68 \* 3"),
            keyword("std", r"0\.02", "0.014"),
        ),
    ),
    Move(
        "rotary-base",
        "architecture",
        "rotary base 200000",
        "slower rotation keeps distant positions apart from each other in long contexts",
        first(
            keyword("base", r"10_?000(\.0)?", "200000"),
            keyword("theta", r"10_?000(\.0)?", "200000.0"),
        ),
    ),
    Move(
        "no-dropout",
        "regularization",
        "remove dropout",
        "a run that sees each token once cannot overfit",
        rules(("nn.Dropout(*Q_p)", "nn.Identity()")),
        simplifies=True,
    ),
    Move(
        "no-bias",
        "architecture",
        "no biases in the linear layers",
        "biases add parameters that the norms make superfluous",
        keyword("bias", "True", "False"),
        simplifies=True,
    ),
)
