"""A train.py that is not ours: other names and habits, as in public single-file trainers."""

FOREIGN = """\
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

n_layer = 8
learning_rate = 6e-4
dropout = 0.1
ADAM_BETAS = (0.8, 0.95)
FINAL_LR_FRAC = 0.0


def norm(x):
    return F.rms_norm(x, (x.size(-1),))


class CausalSelfAttention(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.c_q = nn.Linear(n, n, bias=True)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        q, k = self.c_q(x), self.c_q(x)
        q, k = norm(q), norm(k)  # QK norm
        return q + k


class MLP(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.c_fc = nn.Linear(n, 4 * n, bias=False)
        self.c_proj = nn.Linear(4 * n, n, bias=False)

    def forward(self, x):
        x = self.c_fc(x)
        x = F.relu(x).square()
        return self.c_proj(x)


class GPT(nn.Module):
    def __init__(self, n=16, base=10000):
        super().__init__()
        self.ln = nn.LayerNorm(n)
        self.mlp, self.attn = MLP(n), CausalSelfAttention(n)
        s = 3**0.5 * n**-0.5
        nn.init.uniform_(self.mlp.c_fc.weight, -s, s)

    def forward(self, x, targets):
        logits = self.mlp(norm(self.attn(self.ln(x))))
        logits = 15 * torch.tanh(logits / 15)
        return F.cross_entropy(logits, targets, ignore_index=-1)


def setup(params):
    return torch.optim.AdamW(params, lr=learning_rate, betas=(0.8, 0.95), weight_decay=0.0)


def get_lr_multiplier(progress):
    cooldown = min(1.0, (1.0 - progress) / 0.5)
    return cooldown * 1.0 + (1 - cooldown) * FINAL_LR_FRAC


model = GPT()
optimizer = setup(model.parameters())
x, y = torch.randn(4, 16), torch.randint(0, 16, (4,))
for step in range(2):
    loss = model(x, y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""

# The smallest text in which each of the other moves finds its pattern.
SMALL = {
    "relu2": "y = F.gelu(x)\n",
    "square-relu": "y = F.relu(x + 1)\n",
    "softcap": "loss = F.cross_entropy(a + b, t, reduction='none')\n",
    "faster-beta2": "o = AdamW(p, betas=(0.9, 0.999))\n",
    "no-nesterov": "o = SGD(p, nesterov=True)\n",
}
