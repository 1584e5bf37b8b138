"""Muon (Jordan et al. 2024): momentum whose every step is made orthogonal.

All directions of a matrix are moved alike, also those in which the gradient is small. A step costs
more than AdamW's, and after the same minute of training the loss is lower all the same.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def orthogonal(m: Tensor, rounds: int = 5) -> Tensor:
    """Near m's nearest orthogonal matrix: all singular values come to lie around 1."""
    tall = m.shape[0] > m.shape[1]
    x = m.T if tall else m
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        a = x @ x.T
        x = 3.4445 * x + (2.0315 * a @ a - 4.7750 * a) @ x
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """For matrices alone; vectors and embeddings want AdamW."""

    def __init__(self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.1):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                move = orthogonal(p.grad.lerp(mean, group["momentum"]))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(move, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)
