"""The kind of a change comes from the names in the syntax that changed."""

from __future__ import annotations

import time
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoresearch_git import refs
from autoresearch_git.clean import UNSAFE
from autoresearch_git.review import lexicon
from autoresearch_git.review.change import classify
from autoresearch_git.review.niche import niche
from tests.review import lab

BLOCKS = "".join(
    f'''
class Block{i}(nn.Module):
    """Block {i}: not an optimizer, no learning rate, no dropout."""

    def __init__(self, config):
        super().__init__()
        self.attn = CausalSelfAttention(config, {i})
        self.mlp = nn.Linear(config.n_embd, 4 * config.n_embd, bias=False)

    def forward(self, x, cos_sin, window=None):
        x = x + self.attn(norm(x), cos_sin, window)
        x = x + self.mlp(norm(x)) * {i}.5
        return x
'''
    for i in range(36)
)
SOURCE = f'''"""A model."""
import torch

SEED = 42
MATRIX_LR = 0.04
WARMUP_RATIO = 0.0
WEIGHT_DECAY = 0.2
DEPTH = 8
WINDOW_PATTERN = "SSSL"
TOTAL_BATCH_SIZE = 2**19
ALPHA = 3.0
{BLOCKS}

def norm(x):
    return F.rms_norm(x, (x.size(-1),))


def init_weights(model):
    for block in model.blocks:
        torch.nn.init.uniform_(block.mlp.weight, -0.1, 0.1)


def lr_multiplier(progress):
    if progress < WARMUP_RATIO:
        return progress / WARMUP_RATIO
    return 1.0


model = GPT(DEPTH)
optimizer = torch.optim.AdamW(model.parameters(), lr=MATRIX_LR, betas=(0.8, 0.95), eps=1e-10)
loss = model(x.to(torch.bfloat16))
torch.manual_seed(SEED)
optimizer.momentum = ALPHA * 2
'''


def change(old: str, new: str, count: int = 1):
    assert old in SOURCE
    return classify({"train.py": SOURCE}, {"train.py": SOURCE.replace(old, new, count)})


@pytest.mark.parametrize(
    ("old", "new", "category"),
    [
        ("MATRIX_LR = 0.04", "MATRIX_LR = 0.03", "optimizer"),
        ("betas=(0.8, 0.95)", "betas=(0.9, 0.95)", "optimizer"),
        ("torch.optim.AdamW(", "torch.optim.SGD(", "optimizer"),
        ("WARMUP_RATIO = 0.0", "WARMUP_RATIO = 0.1", "schedule"),
        ("    return 1.0\n", "    return 0.5 * (1 + cos(progress))\n", "schedule"),
        ("DEPTH = 8", "DEPTH = 9", "architecture"),
        ("self.mlp = nn.Linear(", "self.mlp = SwiGLU(", "architecture"),
        ('"SSSL"', '"SSLL"', "attention"),
        ("self.attn(norm(x), cos_sin, window)", "self.attn(norm(x), cos_sin, 512)", "attention"),
        ("2**19", "2**18", "batch"),
        ("F.rms_norm(x, (x.size(-1),))", "F.layer_norm(x, (x.size(-1),))", "normalization"),
        ("WEIGHT_DECAY = 0.2", "WEIGHT_DECAY = 0.1", "regularization"),
        ("        return x\n", "        return F.dropout(x, 0.1)\n", "regularization"),
        ("-0.1, 0.1)", "-0.05, 0.05)", "initialization"),
        ("x.to(torch.bfloat16)", "x.to(torch.float32)", "numerics"),
        ("model = GPT(DEPTH)", "model = torch.compile(GPT(DEPTH))", "numerics"),
        ("model = GPT(DEPTH)", "model = GPT(DEPTH)\nmodel.wte.scale = 2", "embedding"),
        ("        x = x + self.mlp(norm(x)) * 7.5\n", "", "simplification"),
        ("ALPHA = 3.0", "ALPHA = 4.0", "optimizer"),  # from where the constant is used
        ("SEED = 42", "SEED = 43", "replicate"),
        ('"""A model."""', '"""A model with AdamW, dropout and attention."""', "other"),
        ("SEED = 42", "SEED = 42  # optimizer lr warmup", "none"),
        ("SEED = 42", "SEED   =   42\n\n", "none"),
    ],
)
def test_categories(old, new, category):
    assert change(old, new).category == category


def test_knobs_are_edits_with_their_place():
    found = change("betas=(0.8, 0.95)", "betas=(0.9, 0.95)")
    assert [(e.name, e.old, e.new) for e in found.edits] == [
        ("optimizer.AdamW.betas", "(0.8, 0.95)", "(0.9, 0.95)")
    ]
    assert found.size == {"hunks": 1, "added": 1, "removed": 1, "nodes": 0}
    assert found.summary.startswith("optimizer.AdamW.betas (0.8, 0.95) -> (0.9, 0.95)")


def test_the_size_of_a_removed_statement():
    found = change("        x = x + self.mlp(norm(x)) * 7.5\n", "")
    assert found.size["removed"] == 1
    assert found.size["nodes"] < -8
    assert found.hunks == ("Block7.forward.x",)


def test_moving_a_function_is_no_change():
    body = "def norm(x):\n    return F.rms_norm(x, (x.size(-1),))\n\n\n"
    moved = SOURCE.replace(body, "") + "\n\n" + body
    assert classify({"train.py": SOURCE}, {"train.py": moved}).category == "none"


def test_text_in_a_string_is_no_knob():
    old = 'TEXT = """\nMATRIX_LR = 0.04\n"""\n'
    found = classify({"train.py": old}, {"train.py": old.replace("0.04", "0.03")})
    assert [edit.name for edit in found.edits] == ["TEXT"]


@pytest.mark.parametrize(
    ("path", "old", "new", "category"),
    [
        ("config.yaml", "lr: 0.1\ndepth: 3\n", "lr: 0.2\ndepth: 3\n", "optimizer"),
        ("train.cu", "int x = 1;\nfloat dropout = 0.1;\n", "int x = 1;\n", "regularization"),
        ("train.py", "x = (\nbatch_size = 3\n", "x = (\nbatch_size = 4\n", "batch"),
        ("words.txt", "hello\n", "world\n", "other"),
    ],
)
def test_targets_that_are_no_python(path, old, new, category):
    assert classify({path: old}, {path: new}).category == category


def test_several_targets_and_new_files():
    old = {"a.py": "LR = 1\n", "b.py": "DROPOUT = 0.1\n"}
    found = classify(old, {"a.py": "LR = 2\n", "c.py": "WARMUP = 3\n"})
    assert {edit.name for edit in found.edits} == {"LR"}
    assert set(found.hunks) == {"LR", "DROPOUT", "WARMUP"}


def test_the_same_files_are_no_change():
    found = classify({"a.py": "LR = 1\n"}, {"a.py": "LR = 1\n"})
    assert (found.category, found.summary) == ("none", "no change")


def test_a_small_change_of_a_large_file_costs_less_than_parsing_it_twice():
    import ast

    assert SOURCE.count("\n") >= 500
    new = SOURCE.replace("MATRIX_LR = 0.04", "MATRIX_LR = 0.03").replace("* 7.5", "* 7.25")

    def cost(action) -> float:
        times = []
        for _ in range(7):
            began = time.perf_counter()
            action()
            times.append(time.perf_counter() - began)
        return median(times)

    ours = cost(lambda: classify({"train.py": SOURCE}, {"train.py": new}))
    assert ours < cost(lambda: (ast.parse(SOURCE), ast.parse(new)))


LINES = st.lists(
    st.sampled_from(
        [
            "x = 1",
            "def f(a):",
            "    return a",
            "if x:",
            "    y = f(2)",
            '"""',
            "@dec",
            "class C:",
            ")",
        ]
    ),
    max_size=12,
).map("\n".join)


@given(LINES | st.text(max_size=80), LINES | st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_two_texts_have_a_category(old, new):
    found = classify({"train.py": old}, {"train.py": new})
    assert found.category in {*lexicon.CATEGORIES, "other", "none", "replicate"}
    assert not UNSAFE.search(found.summary)
    back = classify({"train.py": new}, {"train.py": old})
    assert back.size.get("nodes", 0) == -found.size.get("nodes", 0)


def test_niches_are_measured_ref_components():
    base = lab.run("r0", 1.0)
    seen = set()
    for category in (*lexicon.CATEGORIES, "other", "none", "replicate"):
        made = classify({}, {})
        made = type(made)(category=category)
        for params in (40.0, 50.3, 51.0, 60.0):
            for memory in (30000.0, 45060.2, 60000.0):
                for tokens in (400.0, 499.6, 600.0):
                    more = {
                        "num_params_M": params,
                        "peak_vram_mb": memory,
                        "total_tokens_M": tokens,
                    }
                    run = lab.run("r1", 1.0, metrics=lab.METRICS | more)
                    found = niche(made, run, base)
                    assert refs.component(found) == found
                    seen.add(found)
    assert len(seen) == 72
    assert niche(lab.TUNED, base, base) == "optimizer.same-size"
    assert niche(lab.TUNED, lab.run("r1", 1.0, metrics={}), None) == "optimizer.same-size"
