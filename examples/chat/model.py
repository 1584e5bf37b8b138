"""A small decoder-only transformer, and nothing that depends on how it is trained or served."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    vocabulary: int = 2048
    context: int = 128
    layers: int = 3
    heads: int = 5
    width: int = 160


def distances(config: Config) -> Tensor:
    """What attention's scores lose with distance, each head at its own rate (ALiBi, Press et al.
    2022): order without position vectors to learn. The future is infinitely far."""
    at = torch.arange(config.context)
    rates = 2.0 ** (-8 * torch.arange(1, config.heads + 1) / config.heads)
    past = -rates[:, None, None] * (at[:, None] - at[None, :])
    return past.masked_fill(at[None, :] > at[:, None], float("-inf"))


class Block(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(config.width)
        # How much of each channel is taken from the id before: attention need not first learn to
        # look one step back, which saves a short training many steps.
        self.back = nn.Parameter(torch.linspace(0, 1, config.width))
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)
        self.norm2 = nn.LayerNorm(config.width)
        self.up = nn.Linear(config.width, 4 * config.width, bias=False)
        self.down = nn.Linear(4 * config.width, config.width, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        b, t, w = x.shape
        here = self.norm1(x)
        here = here + self.back * (F.pad(here, (0, 0, 1, -1)) - here)
        qkv = self.qkv(here).view(b, t, 3, self.heads, w // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(w // self.heads) + mask[:, :t, :t]
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, w)
        x = x + self.out(mixed)
        return x + self.down(F.relu(self.up(self.norm2(x))))


class GPT(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocabulary, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.register_buffer("mask", distances(config), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                # What is added to the residual stream starts small: depth must not raise it.
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(p, std=0.02 / (math.sqrt(2 * config.layers) if residual else 1))

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids)
        for block in self.blocks:
            x = block(x, self.mask)
        return self.norm(x) @ self.tokens.weight.T  # one matrix reads and writes the vocabulary

    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())

    def save(self, path: Path) -> None:
        torch.save({"config": asdict(self.config), "model": self.state_dict()}, path)

    @staticmethod
    def load(path: Path) -> "GPT":
        saved = torch.load(path, map_location="cpu", weights_only=True)
        model = GPT(Config(**saved["config"]))
        model.load_state_dict(saved["model"])
        return model.eval()
