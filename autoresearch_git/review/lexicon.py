"""Which kind of change a name belongs to: the words of names in training code, by category."""

from __future__ import annotations

import re
from itertools import pairwise

CATEGORIES = (
    "optimizer",
    "schedule",
    "architecture",
    "attention",
    "batch",
    "normalization",
    "embedding",
    "regularization",
    "initialization",
    "simplification",
    "numerics",
)
OTHER = "other"

WORDS = {
    "optimizer": """
        optimizer optimizers opt optim adam adamw adamax muon normuon sgd lion adagrad
        rmsprop shampoo soap sophia lr lrs beta beta1 beta2 betas eps momentum nesterov
        ns zeropower polar newton schulz orthogonalize ema swa lookahead cautious
        param_groups step_size
    """,
    "schedule": """
        schedule scheduler schedules warmup warmdown cooldown decay_ratio anneal
        annealing cosine cosineannealinglr lrm lr_multiplier final_lr_frac floor
        progress total_steps onecyclelr lambdalr linearlr
    """,
    "architecture": """
        depth layer layers width dim dims hidden mlp ffn block blocks residual resid
        skip swiglu geglu glu relu gelu silu squared activation expansion aspect expert
        experts moe conv conv1d conv2d lambda lambdas x0 unet backbone gate gates
        gating softcap tie n_layer n_embd model_dim
    """,
    "attention": """
        attention attn attend head heads n_head kv query queries key keys value_gate q
        k v qk qkv rope rotary cos sin window windows pattern flash sdpa flex causal
        mask alibi gqa mqa n_kv_head head_dim scaled_dot_product_attention
        flash_attn_func sliding
    """,
    "batch": """
        batch batches batch_size microbatch accum accumulation grad_accum device_batch
        total_batch seq_len sequence tokens_per_step max_seq_len dataloader loader
        prefetch packing
    """,
    "normalization": """
        norm norms normalize normalization rmsnorm rms_norm layernorm layer_norm
        batchnorm groupnorm prenorm postnorm qk_norm sandwich
    """,
    "embedding": """
        embedding embeddings embed embeds wte wpe ve vte lm_head unembed unembedding
        vocab tokenizer positional
    """,
    "regularization": """
        dropout drop decay weight_decay wd l2 label_smoothing smoothing clip clipping
        grad_clip clip_grad_norm stochastic_depth droppath z_loss noise augment mixup
        cutmix
    """,
    "initialization": """
        init initialize initialization init_weights reset_parameters xavier kaiming
        orthogonal_ trunc_normal uniform_ normal_ zeros_ ones_ fan_in gain std
    """,
    "numerics": """
        dtype bf16 bfloat16 fp16 float16 fp32 float32 fp8 float8 half autocast amp tf32
        precision matmul_precision compile fused inductor cudagraph cudnn grad_scaler
        scaler fullgraph dynamic channels_last allow_tf32
    """,
}
# Phrases decide before their words do: a weight decay is no schedule, a norm's eps no optimizer.
PHRASES = {
    ("weight", "decay"): "regularization",
    ("label", "smoothing"): "regularization",
    ("grad", "clip"): "regularization",
    ("clip", "grad"): "regularization",
    ("stochastic", "depth"): "regularization",
    ("grad", "accum"): "batch",
    ("batch", "size"): "batch",
    ("seq", "len"): "batch",
    ("batch", "norm"): "normalization",
    ("layer", "norm"): "normalization",
    ("rms", "norm"): "normalization",
    ("qk", "norm"): "normalization",
    ("value", "embed"): "embedding",
    ("value", "embeds"): "embedding",
    ("embedding", "lr"): "optimizer",
    ("embed", "lr"): "optimizer",
    ("unembedding", "lr"): "optimizer",
    ("scalar", "lr"): "optimizer",
    ("matrix", "lr"): "optimizer",
    ("head", "lr"): "optimizer",
    ("lr", "frac"): "schedule",
    ("lr", "schedule"): "schedule",
    ("lr", "multiplier"): "schedule",
    ("warmup", "lr"): "schedule",
    ("warmup", "steps"): "schedule",
    ("decay", "steps"): "schedule",
    ("decay", "ratio"): "schedule",
    ("lr", "decay"): "schedule",
    ("momentum", "warmup"): "optimizer",
    ("head", "dim"): "attention",
    ("lm", "head"): "embedding",
    ("init", "scale"): "initialization",
    ("init", "weights"): "initialization",
    ("softmax", "scale"): "attention",
    ("matmul", "precision"): "numerics",
    ("torch", "compile"): "numerics",
}

_LEXICON = {word: kind for kind, words in WORDS.items() for word in words.split()}
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def words(name: str) -> list[str]:
    """The lower-case words of a name: `WARMUP_RATIO` and `warmupRatio` both give two."""
    return [part.lower() for part in _PARTS.findall(name)]


def kinds(name: str) -> dict[str, float]:
    """Categories that a name speaks for, with weights that sum to at most 1."""
    whole = name.lower().strip("_")
    if whole in _LEXICON:
        return {_LEXICON[whole]: 1.0}
    parts = words(name)
    for pair in pairwise(parts):
        if pair in PHRASES:
            return {PHRASES[pair]: 1.0}
    found = [_LEXICON[part] for part in parts if part in _LEXICON and len(part) > 1]
    return {kind: found.count(kind) / len(found) for kind in dict.fromkeys(found)}
