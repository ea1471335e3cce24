"""
The file to edit: one model, one optimizer, one fixed time budget, one number (val_bpb).
Run `python train.py`; prepare.py has the data, the budget and the metric.
"""

import os

# Read when torch is loaded. Threads that spin while they wait halve the speed of a shared CPU.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
os.environ.setdefault("FLASH_ATTENTION_CUTE_DSL_CACHE_ENABLED", "1")  # its kernels, on disk

import gc
import math
import resource
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from prepare import (
    DEVICE,
    MAX_SEQ_LEN,
    PROFILE,
    TIME_BUDGET,
    Tokenizer,
    check_machine,
    evaluate_bpb,
    make_dataloader,
    refuse,
)
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

try:  # matrix products with an activation in their epilogue, where quack-kernels is installed
    from quack.gemm_interface import gemm_act, gemm_dact
except ImportError:
    gemm_act = None

# The comments `# ar:` give the range that an automatic search may try.

# -----------------------------------------------------------------------------
# Size: DEPTH is the dial, the rest follows from it

if PROFILE == "cpu":
    DEPTH = 4  # ar: 1..8
    ASPECT_RATIO = 32  # ar: 8..96
    HEAD_DIM = 32  # ar: 16 | 32 | 64
    DEVICE_BATCH_SIZE = 8  # ar: 2..64 log
    TOTAL_BATCH_SIZE = 2**11  # ar: 2**9..2**14 log
    MEAN_WINDOW = 0.0  # ar: 0.0..0.5
else:
    DEPTH = 12  # ar: 2..16
    ASPECT_RATIO = 64  # ar: 32..128
    HEAD_DIM = 128  # ar: 64 | 128
    DEVICE_BATCH_SIZE = 128  # ar: 16..256 log
    TOTAL_BATCH_SIZE = 2**17  # ar: 2**16..2**20 log
    MEAN_WINDOW = 0.1  # ar: 0.0..0.5

# -----------------------------------------------------------------------------
# Model

NORM = "rms"  # ar: rms | layer
QK_NORM = True  # ar: True | False
QUERY_SCALE = 1.25  # ar: 0.8..2.5
ACTIVATION = "relu2"  # ar: relu2 | gelu | silu
MLP_RATIO = 4  # ar: 1..8
WINDOW_PATTERN = "SSSL"  # S short, L full; the last layer is always full
SHORT_WINDOW = 0.25  # ar: 0.0625..1.0
ROPE_BASE = 60000.0  # ar: 1e3..1e6 log
TOKEN_SHIFT = True  # ar: True | False
VALUE_EMBEDS = True  # ar: True | False
VALUE_EVERY = 1  # ar: 1 | 2 | 3
GATE_INPUTS = 32  # ar: 8..64
SOFTCAP = 15.0  # ar: 5.0..60.0 log
INIT_SCALE = 1.0  # ar: 0.3..3.0 log
HEAD_INIT_STD = 0.001  # ar: 1e-4..0.1 log
RESID_INIT = 1.0  # ar: 0.5..1.5
X0_INIT = 0.2  # ar: 0.0..1.0

COMPUTE_DTYPE = torch.bfloat16 if DEVICE == "cuda" else torch.float32
ACTIVATIONS = {"relu2": lambda x: F.relu(x).square(), "gelu": F.gelu, "silu": F.silu}


def norm(x: Tensor) -> Tensor:
    """Normalize the last dimension, without weights."""
    y = F.rms_norm(x, x.shape[-1:]) if NORM == "rms" else F.layer_norm(x, x.shape[-1:])
    return y.to(x.dtype)  # autocast may have made it float32


def rotary_table(length: int, head_dim: int, device: str) -> tuple[Tensor, Tensor]:
    """Cosines and signed sines of position x frequency, each (1, T, 1, head_dim)."""
    frequency = ROPE_BASE ** (-torch.arange(0, head_dim, 2, device=device) / head_dim)
    angle = torch.outer(torch.arange(length, device=device), frequency)[None, :, None, :]
    cos, sin = angle.cos().to(COMPUTE_DTYPE), angle.sin().to(COMPUTE_DTYPE)
    return torch.cat((cos, cos), dim=-1), torch.cat((sin, -sin), dim=-1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: the pair (x[i], x[i + half]) turns by its angle. x: (B, T, H, D)"""
    swapped = x.unflatten(-1, (2, -1)).flip(-2).flatten(-2)  # a view's arithmetic: no masks in it
    return x * cos + swapped * sin


def shift(x: Tensor) -> Tensor:
    """What each token's predecessor has; the first token has none. x: (B, T, ...)"""
    return F.pad(x[:, :-1], (0, 0) * (x.ndim - 2) + (1, 0))


def window_sizes(depth: int, length: int) -> list[int]:
    """How far back each layer's queries look, in tokens."""
    short = max(1, int(length * SHORT_WINDOW))
    sizes = [
        short if WINDOW_PATTERN[i % len(WINDOW_PATTERN)] == "S" else length for i in range(depth)
    ]
    return [*sizes[:-1], length]


def make_attention(
    windows: list[int], length: int
) -> Callable[[Tensor, Tensor, Tensor, int], Tensor]:
    """attend(q, k, v, window): causal attention within a window; all are (B, T, H, D)."""
    if DEVICE != "cuda":
        i = torch.arange(length)
        masks = {w: (i[:, None] >= i) & (i[:, None] - i <= w) for w in set(windows) if w < length}

        def attend(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
            mask = masks.get(window)
            q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
            return y.transpose(1, 2)

        return attend

    try:  # FlashAttention 3, where the package is installed and has a kernel for this GPU
        from kernels import get_kernel

        flash = get_kernel("kernels-community/flash-attn3").flash_attn_func
        return lambda q, k, v, window: flash(q, k, v, causal=True, window_size=(window, 0))
    except Exception:  # noqa: BLE001 - not installed, offline, no build: all the same here
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    def block_mask(w: int) -> object:
        def near(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
            return (i >= j) & (i - j <= w)

        return create_block_mask(near, None, None, length, length, device=DEVICE)

    blocks = {w: block_mask(w) for w in set(windows)}
    try:  # FlexAttention's kernels out of the package flash-attn-4, where it is installed
        import flash_attn.cute  # noqa: F401

        options = {"BACKEND": "FLASH"}
    except ImportError:
        options = None

    def attend(q: Tensor, k: Tensor, v: Tensor, window: int) -> Tensor:
        q, k, v = q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        y = flex_attention(q, k, v, block_mask=blocks[window], kernel_options=options)
        return y.transpose(1, 2)

    return attend


def gate(x: Tensor, weight: Tensor) -> Tensor:
    """A number of 0 to 2 for each token and head. x: (B, T, C), result: (B, T, H, 1)"""
    return 2 * torch.sigmoid(F.linear(x[..., : weight.size(1)], weight)).unsqueeze(-1)


class Attention(nn.Module):
    def __init__(self, width: int, vocab_size: int, has_value_embed: bool) -> None:
        super().__init__()
        self.heads = width // HEAD_DIM
        self.qkv = nn.Parameter(torch.empty(3, width, width))  # three matrices, one product
        self.proj = nn.Parameter(torch.empty(width, width))
        if TOKEN_SHIFT:
            self.key_shift = nn.Parameter(torch.empty(width))
            self.key_shift_gate = nn.Parameter(torch.empty(self.heads, min(GATE_INPUTS, width)))
        if has_value_embed:
            self.value_embed = nn.Embedding(vocab_size, width)
            self.gate = nn.Parameter(torch.empty(self.heads, min(GATE_INPUTS, width)))
        self.has_value_embed = has_value_embed

    def forward(
        self, x: Tensor, tokens: Tensor, cos: Tensor, sin: Tensor, window: int, attend: Callable
    ) -> Tensor:
        B, T, C = x.shape
        q, k, v = F.linear(x, self.qkv.flatten(0, 1)).view(B, T, 3, self.heads, -1).unbind(2)
        if TOKEN_SHIFT:  # a key knows the token before its own: two layers' work in one
            weight = self.key_shift.to(k.dtype).view(self.heads, -1)
            k = k + gate(x, self.key_shift_gate) * weight * shift(k)
        if self.has_value_embed:
            v = v + gate(x, self.gate) * self.value_embed(tokens).view_as(v)
        if QK_NORM:
            q, k = QUERY_SCALE * norm(q), norm(k)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        y = attend(q, k, v, window)
        return F.linear(y.reshape(B, T, C), self.proj)


class SquaredReLU(torch.autograd.Function):
    """relu(x @ up.T)**2 @ down.T with the activation inside the products' kernels. x: (N, C)"""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, up: Tensor, down: Tensor) -> Tensor:
        before, after = gemm_act(x, up.T, activation="relu_sq", tuned=False)
        ctx.save_for_backward(x, up, down, before)
        return after @ down.T

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, up, down, before = ctx.saved_tensors
        inner, after = gemm_dact(grad, down, before, activation="relu_sq", tuned=False)
        return inner @ up, inner.T @ x, grad.T @ after


class MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Parameter(torch.empty(int(MLP_RATIO * width), width))
        self.down = nn.Parameter(torch.empty(width, int(MLP_RATIO * width)))

    def forward(self, x: Tensor) -> Tensor:
        if ACTIVATION == "relu2" and gemm_act is not None and x.is_cuda:
            up, down = self.up.to(x.dtype), self.down.to(x.dtype)
            return SquaredReLU.apply(x.flatten(0, 1), up, down).view_as(x)
        return F.linear(ACTIVATIONS[ACTIVATION](F.linear(x, self.up)), self.down)


class Block(nn.Module):
    def __init__(self, width: int, vocab_size: int, has_value_embed: bool) -> None:
        super().__init__()
        self.attention = Attention(width, vocab_size, has_value_embed)
        self.mlp = MLP(width)
        if TOKEN_SHIFT:
            self.mlp_shift = nn.Parameter(torch.empty(width))


class GPT(nn.Module):
    def __init__(self, vocab_size: int, length: int = MAX_SEQ_LEN, depth: int = DEPTH) -> None:
        super().__init__()
        width = math.ceil(depth * ASPECT_RATIO / HEAD_DIM) * HEAD_DIM
        self.width, self.length = width, length
        self.windows = window_sizes(depth, length)
        self.embed = nn.Embedding(vocab_size, width)
        # Value embeddings on every VALUE_EVERYth layer, the last one included.
        has = [VALUE_EMBEDS and (depth - 1 - i) % VALUE_EVERY == 0 for i in range(depth)]
        self.blocks = nn.ModuleList(Block(width, vocab_size, h) for h in has)
        self.head = nn.Parameter(torch.empty(vocab_size, width))
        self.resid_lambdas = nn.Parameter(torch.empty(depth))
        self.x0_lambdas = nn.Parameter(torch.empty(depth))

    @torch.no_grad()
    def init_weights(self) -> None:
        bound = INIT_SCALE * 3**0.5 * self.width**-0.5
        nn.init.normal_(self.embed.weight, std=1.0)
        nn.init.normal_(self.head, std=HEAD_INIT_STD)
        self.resid_lambdas.fill_(RESID_INIT)
        self.x0_lambdas.fill_(X0_INIT)
        for block in self.blocks:
            nn.init.uniform_(block.attention.qkv, -bound, bound)
            nn.init.uniform_(block.mlp.up, -bound, bound)
            nn.init.zeros_(block.attention.proj)
            nn.init.zeros_(block.mlp.down)
            if block.attention.has_value_embed:
                nn.init.uniform_(block.attention.value_embed.weight, -bound, bound)
                nn.init.zeros_(block.attention.gate)  # all gates 1
        for p in self.shifts():
            nn.init.zeros_(p)
        for module in self.modules():
            if isinstance(module, nn.Embedding):
                module.to(dtype=COMPUTE_DTYPE)
        self.cos, self.sin = rotary_table(self.length, HEAD_DIM, self.head.device.type)
        self.attend = make_attention(self.windows, self.length)

    def flops_per_token(self) -> int:
        """Forward and backward: 6 a matrix weight, 12 a channel and token in the window."""
        matrices = self.head.numel() + sum(p.numel() for p in self.matrices())
        return 6 * matrices + 12 * self.width * sum(min(w, self.length) for w in self.windows)

    def value_embeddings(self) -> list[Tensor]:
        return [p for name, p in self.blocks.named_parameters() if "value_embed" in name]

    def shifts(self) -> list[Tensor]:
        return [p for name, p in self.blocks.named_parameters() if "shift" in name]

    def matrices(self) -> list[Tensor]:
        """What Muon trains: the weights of the blocks but the value embeddings and shifts."""
        named = self.blocks.named_parameters()
        return [p for name, p in named if "value_embed" not in name and "shift" not in name]

    def forward(
        self, tokens: Tensor, targets: Tensor | None = None, reduction: str = "mean"
    ) -> Tensor:
        B, T = tokens.shape
        cos, sin = self.cos[:, :T], self.sin[:, :T]
        x = x0 = norm(self.embed(tokens))  # (B, T, C)
        for i, block in enumerate(self.blocks):
            # Expanded to a column so that autograd sums their gradients row by row, in one
            # kernel with the norm's; a plain scalar costs one more pass over all activations.
            a, b = self.resid_lambdas[i].expand(B, T, 1), self.x0_lambdas[i].expand(B, T, 1)
            x = (a * x + b * x0).to(x0.dtype)
            x = x + block.attention(norm(x), tokens, cos, sin, self.windows[i], self.attend)
            y = norm(x)
            x = x + block.mlp(y + block.mlp_shift.to(y.dtype) * shift(y) if TOKEN_SHIFT else y)
        logits = F.linear(norm(x), self.head).float()  # (B, T, V)
        logits = SOFTCAP * torch.tanh(logits / SOFTCAP)
        if targets is None:
            return logits
        # Cross entropy in one pass over the logits: capped ones need no maximum subtracted.
        hit = torch.arange(logits.size(-1), device=logits.device) == targets.unsqueeze(-1)
        loss = logits.exp().sum(-1).log() - torch.where(hit, logits, 0.0).sum(-1)
        return loss.mean() if reduction == "mean" else loss.flatten()


# -----------------------------------------------------------------------------
# Optimizer: Muon for the matrices, AdamW for the rest

MATRIX_LR = 0.032  # ar: 0.005..0.2 log
EMBED_LR = 0.6  # ar: 0.05..3.0 log
HEAD_LR = 0.009  # ar: 5e-4..0.05 log
SCALAR_LR = 0.25  # ar: 0.02..2.0 log
SHIFT_LR = 0.02  # ar: 0.001..0.2 log
ADAM_BETA1 = 0.8  # ar: 0.5..0.95
ADAM_BETA2 = 0.95  # ar: 0.8..0.999
ADAM_EPS = 1e-10  # ar: fixed
EMBED_DECAY = 0.02  # ar: 0.0..0.2
VALUE_DECAY = 0.03  # ar: 0.0..0.2
HEAD_DECAY = 0.0  # ar: 0.0..0.05
DAMPING = 1.0  # ar: 0.0..5.0
MUON_DECAY = 0.17  # ar: 0.0..2.0
MUON_BETA2 = 0.83  # ar: 0.7..0.99
MOMENTUM_START = 0.85  # ar: 0.5..0.95
MOMENTUM_END = 0.95  # ar: 0.8..0.99
MOMENTUM_STEPS = 300  # ar: 20..1000 log

# Polar Express (Amsel et al., 2025): the odd polynomials of degree 5 that, one after another,
# bring singular values of 0.001 to 1 nearest to 1 in five steps.
POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


def orthogonalize(g: Tensor) -> Tensor:
    """The nearest matrices with all singular values about 1. g: (N, rows, cols)"""
    x = g.to(COMPUTE_DTYPE)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-6)
    tall = x.size(-2) > x.size(-1)
    x = x.mT if tall else x  # the products below are of the smaller side
    for a, b, c in POLAR_EXPRESS:
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return x.mT if tall else x


def equalize(u: Tensor, variance: Tensor, beta2: float) -> Tensor:
    """NorMuon: rows (columns of a wide matrix) of equal size, the norm of the whole unchanged."""
    dim = -1 if u.size(-2) >= u.size(-1) else -2
    power = u.float().square().mean(dim, keepdim=True)
    variance.lerp_(power, 1 - beta2)
    scale = variance.clamp_min(1e-10).rsqrt()
    total, scaled = power.sum((-2, -1), True), (power * scale.square()).sum((-2, -1), True)
    return u * (scale * (total / scaled.clamp_min(1e-10)).sqrt()).to(u.dtype)


def muon(
    params: list[Tensor], grads: list[Tensor], velocity: Tensor, variance: Tensor,
    lr: Tensor, momentum: Tensor, decay: Tensor,
) -> None:  # fmt: skip
    """One step of all matrices of one shape, stacked. velocity: (N, rows, cols)"""
    rows, cols = velocity.shape[-2:]
    g = torch.cat([grad.view(-1, rows, cols) for grad in grads])
    velocity.mul_(momentum).add_(g * (1 - momentum))
    g = g * (1 - momentum) + velocity * momentum  # Nesterov
    u = equalize(orthogonalize(g), variance, MUON_BETA2)
    lr = lr * max(1.0, rows / cols) ** 0.5
    for p, step in zip(params, u.split([p.numel() // (rows * cols) for p in params]), strict=True):
        step = step.view_as(p)
        against = (step * p >= 0).to(p.dtype)  # cautious: decay only where the step shrinks it too
        p.sub_(lr * step + lr * decay * p * against)


def adamw(
    params: list[Tensor], grads: list[Tensor], means: list[Tensor], squares: list[Tensor],
    lrs: list[Tensor], decays: list[float], dampings: list[float],
    fall: Tensor, bias1: Tensor, bias2: Tensor,
) -> None:  # fmt: skip
    states = zip(params, grads, means, squares, lrs, decays, dampings, strict=True)
    for p, g, m, s, lr, decay, damping in states:
        m.lerp_(g, 1 - ADAM_BETA1)
        s.lerp_(g.square(), 1 - ADAM_BETA2)
        p.mul_(1 - lr * decay * fall)
        size = (s / bias2).sqrt() + ADAM_EPS
        if damping:  # rows that are seldom used move less
            size = size + damping * (s.float().mean() / bias2).sqrt()
        p.sub_(lr * (m / bias1) / size)


class Optimizer:
    def __init__(self, model: GPT) -> None:
        scale = (model.width / 768) ** -0.5  # learning rates were tuned at width 768
        tables = model.value_embeddings()
        self.adam: list[tuple[Tensor, float, float, float]] = [  # rate, decay, damping
            (model.embed.weight, EMBED_LR * scale, EMBED_DECAY, DAMPING),
            *((p, EMBED_LR * scale, VALUE_DECAY, DAMPING) for p in tables),
            (model.head, HEAD_LR * scale, HEAD_DECAY, 0.0),
            (model.resid_lambdas, SCALAR_LR * 0.01, 0.0, 0.0),
            (model.x0_lambdas, SCALAR_LR, 0.0, 0.0),
            *((p, SHIFT_LR, 0.0, 0.0) for p in model.shifts()),
        ]
        self.means = [torch.zeros_like(p) for p, *_ in self.adam]
        self.squares = [torch.zeros_like(p) for p, *_ in self.adam]
        self.lrs = [torch.zeros(()) for _ in self.adam]
        shapes: dict[torch.Size, list[Tensor]] = {}
        for p in model.matrices():
            shapes.setdefault(p.shape[-2:], []).append(p)
        self.muon: list[tuple[list[Tensor], Tensor, Tensor]] = []
        for (rows, cols), params in shapes.items():
            velocity = torch.cat([torch.zeros_like(p).view(-1, rows, cols) for p in params])
            variance = velocity[..., :1] if rows >= cols else velocity[..., :1, :]
            self.muon.append((params, velocity, variance.clone()))
        # Numbers that change are tensors without dimensions: compiled code need not be redone.
        self.lr, self.momentum, self.decay, self.fall = torch.zeros(4).unbind()
        self.bias1, self.bias2 = torch.zeros(2).unbind()
        self.steps = 0
        compiled = DEVICE == "cuda"
        self.muon_step = torch.compile(muon, dynamic=False, fullgraph=True) if compiled else muon
        self.adamw_step = torch.compile(adamw, dynamic=False, fullgraph=True) if compiled else adamw

    @torch.no_grad()
    def step(self, lr_mult: float, momentum: float, fall: float) -> None:
        """`fall`: what is left of all weight decays."""
        self.steps += 1
        for tensor, (_, lr, *_) in zip(self.lrs, self.adam, strict=True):
            tensor.fill_(lr * lr_mult)
        self.bias1.fill_(1 - ADAM_BETA1**self.steps)
        self.bias2.fill_(1 - ADAM_BETA2**self.steps)
        self.lr.fill_(MATRIX_LR * lr_mult)
        self.momentum.fill_(momentum)
        self.decay.fill_(MUON_DECAY * fall)
        self.fall.fill_(fall)
        params, _, decays, dampings = map(list, zip(*self.adam, strict=True))
        self.adamw_step(
            params, [p.grad for p in params], self.means, self.squares,
            self.lrs, decays, dampings, self.fall, self.bias1, self.bias2,
        )  # fmt: skip
        for params, velocity, variance in self.muon:
            self.muon_step(
                params, [p.grad for p in params], velocity, variance,
                self.lr, self.momentum, self.decay,
            )  # fmt: skip


# -----------------------------------------------------------------------------
# Schedule: by the share of the time budget that is gone

WARMUP = 0.0  # ar: 0.0..0.2
WARMDOWN = 0.75  # ar: 0.0..1.0
FINAL_LR = 0.15  # ar: 0.0..0.5


def lr_multiplier(progress: float) -> float:
    """Linear warm-up, constant, linear warm-down to FINAL_LR at progress 1."""
    if progress < WARMUP:
        return progress / WARMUP
    left = (1 - progress) / WARMDOWN if WARMDOWN else 1.0
    return 1.0 if left >= 1 else FINAL_LR + (1 - FINAL_LR) * max(left, 0.0)


def muon_momentum(step: int) -> float:
    return MOMENTUM_START + (MOMENTUM_END - MOMENTUM_START) * min(step / MOMENTUM_STEPS, 1)


# -----------------------------------------------------------------------------
# What is evaluated: a running mean of the weights, and softer logits

MEAN_EVERY = 4  # ar: fixed
SHARPNESS = 0.96  # ar: 0.8..1.1


class WeightMean:
    """The mean of the weights over about the last MEAN_WINDOW of the steps so far: older ones fade
    by a power of time (Karras et al., 2024), whatever the number of steps will be. Without a
    window it holds nothing."""

    def __init__(self, model: GPT) -> None:
        self.params = list(model.parameters()) if MEAN_WINDOW else []
        self.means = [p.detach().to(torch.float32, copy=True) for p in self.params]
        self.taken = 0

    @torch.no_grad()
    def after(self, step: int) -> None:
        if step % MEAN_EVERY:
            return
        for mean, p in zip(self.means, self.params, strict=True):
            mean.lerp_(p.float(), 1 / (1 + MEAN_WINDOW * self.taken))
        self.taken += 1

    @torch.no_grad()
    def put(self) -> None:
        if not self.taken:
            return
        for p, mean in zip(self.params, self.means, strict=True):
            p.copy_(mean)


# -----------------------------------------------------------------------------
# Training

SEED = int(os.environ.get("AUTORESEARCH_SEED") or 42)
UNTIMED_STEPS = 11 if DEVICE == "cuda" else 2  # compilation and warm-up are not training
PEAK_FLOPS = 989.5e12  # of an H100 in bfloat16, without sparsity
COMPILE_MODE = "default"  # ar: fixed


def main() -> None:
    started = time.time()
    check_machine()
    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    tokenizer = Tokenizer.from_directory()
    B, T = min(DEVICE_BATCH_SIZE, TOTAL_BATCH_SIZE // MAX_SEQ_LEN), MAX_SEQ_LEN
    if B < 1 or TOTAL_BATCH_SIZE % (B * T):
        refuse(f"TOTAL_BATCH_SIZE {TOTAL_BATCH_SIZE} is no multiple of {B} rows of {T} tokens")
    accumulate = TOTAL_BATCH_SIZE // (B * T)
    loader = make_dataloader(tokenizer, B, T, "train")

    with torch.device(DEVICE):
        model = GPT(tokenizer.get_vocab_size())
        model.init_weights()
    optimizer, mean = Optimizer(model), WeightMean(model)
    params = sum(p.numel() for p in model.parameters())
    flops = model.flops_per_token()
    print(f"{params / 1e6:.1f} M parameters, depth {DEPTH}, width {model.width}, seed {SEED}")
    run = torch.compile(model, dynamic=False, mode=COMPILE_MODE) if DEVICE == "cuda" else model
    autocast = torch.autocast(DEVICE, torch.bfloat16, enabled=DEVICE == "cuda")

    x, y, epoch = next(loader)
    step, trained, smoothed = 0, 0.0, 0.0  # steps, seconds, loss
    while step < UNTIMED_STEPS or trained < TIME_BUDGET:
        began = time.perf_counter()
        loss = torch.zeros((), device=DEVICE)
        for _ in range(accumulate):
            with autocast:
                part = run(x, y, reduction="none").mean() / accumulate
            part.backward()
            loss += part.detach()
            x, y, epoch = next(loader)
        progress = min(trained / TIME_BUDGET, 1.0)
        multiplier = lr_multiplier(progress)
        optimizer.step(multiplier, muon_momentum(step), 1 - progress)
        model.zero_grad(set_to_none=True)
        loss = loss.item()  # waits for the GPU
        seconds = time.perf_counter() - began

        if not loss <= 100:  # NaN too
            print("\nFAIL")
            sys.exit(1)
        if step == 0:  # a collection would stop every thread for half a second, later
            gc.collect()
            gc.freeze()
            gc.disable()
        if step >= UNTIMED_STEPS:
            trained += seconds
        step += 1
        mean.after(step)
        smoothed += 0.1 * (loss - smoothed)
        rate = TOTAL_BATCH_SIZE / seconds
        print(
            f"\rstep {step:05d} ({100 * progress:.1f}%) | loss: {smoothed / (1 - 0.9**step):.6f}"
            f" | lrm: {multiplier:.2f} | dt: {1000 * seconds:.0f}ms | tok/sec: {rate:,.0f}"
            f" | mfu: {100 * flops * rate / PEAK_FLOPS:.1f}% | epoch: {epoch}"
            f" | remaining: {max(TIME_BUDGET - trained, 0):.0f}s    ",
            end="",
            flush=True,
        )
    print()

    @torch.enable_grad()  # as in training, or the compiler would make a second program
    def losses(x: Tensor, y: Tensor, reduction: str) -> Tensor:
        return run(x, y, reduction=reduction).detach()  # and nothing is kept for a backward

    model.eval()
    mean.put()
    model.head.data.mul_(SHARPNESS)
    with autocast:
        val_bpb = evaluate_bpb(losses, tokenizer, B)
    if not math.isfinite(val_bpb):
        print("FAIL")
        sys.exit(1)
    timed = (step - UNTIMED_STEPS) * TOTAL_BATCH_SIZE  # tokens
    if DEVICE == "cuda":
        memory = torch.cuda.max_memory_allocated() / 2**20
    else:  # of the process: there is no other
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print("---")
    print(f"val_bpb:          {val_bpb:.6f}")
    print(f"training_seconds: {trained:.1f}")
    print(f"total_seconds:    {time.time() - started:.1f}")
    print(f"peak_vram_mb:     {memory:.1f}")
    print(f"mfu_percent:      {100 * flops * timed / max(trained, 1e-9) / PEAK_FLOPS:.2f}")
    print(f"total_tokens_M:   {step * TOTAL_BATCH_SIZE / 1e6:.3f}")
    print(f"num_steps:        {step}")
    print(f"num_params_M:     {params / 1e6:.1f}")
    print(f"depth:            {DEPTH}")


if __name__ == "__main__":
    try:
        main()
    except torch.OutOfMemoryError:
        refuse(f"out of GPU memory: lower DEVICE_BATCH_SIZE (it is {DEVICE_BATCH_SIZE})")
    except KeyboardInterrupt:
        sys.exit(130)
