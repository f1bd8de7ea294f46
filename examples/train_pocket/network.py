"""The pocket network in torch, as one function of its weights, so that numpy can follow it line by line."""

import math

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from lightrouter_graph.pocket.shape import ATTENTION_SCALE, HEAD_SIZE, ROTARY_BASE, Shape

Weights = dict[str, Tensor]


def initial_weights(shape: Shape, seed: int) -> Weights:
    """Random matrices; what writes into the residual stream starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    for name, size in shape.sizes().items():
        scale = 0.0 if name.endswith((".out", ".down")) or name == "head" else 1 / math.sqrt(size[0])
        weights[name] = torch.randn(size, generator=generator) * (0.3 if name.startswith("embed") else scale)
    return weights


def normalize(x: Tensor) -> Tensor:
    """Root-mean-square norm without gain."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


def rotary_tables(length: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines, each (length, HEAD_SIZE / 2)."""
    angles = torch.outer(torch.arange(length), ROTARY_BASE ** (-torch.arange(0, HEAD_SIZE, 2) / HEAD_SIZE))
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions; the halves of a head are the pairs."""
    a, b = x.chunk(2, -1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def embed(weights: Weights, ids: Tensor, places: Tensor) -> Tensor:
    """Token, the two tokens before it, and the place of a digit in its number; (rows, length, width)."""
    before = F.pad(ids, (1, 0))[:, :-1]
    before2 = F.pad(ids, (2, 0))[:, :-2]
    return (
        F.embedding(ids, weights["embed"])
        + F.embedding(before, weights["embed1"])
        + F.embedding(before2, weights["embed2"])
        + F.embedding(places, weights["embed_place"])
    )


def forward(weights: Weights, shape: Shape, ids: Tensor, places: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Hidden states (rows, length, width) of whole rows; multiply with ``head`` for logits."""
    x = normalize(embed(weights, ids, places))
    for layer in range(shape.layers):
        x = x + _attend(weights, f"layer{layer}", normalize(x), turns)
        hidden = F.relu(normalize(x) @ weights[f"layer{layer}.up"]).square()
        x = x + hidden @ weights[f"layer{layer}.down"]
    return normalize(x)


def _attend(weights: Weights, layer: str, x: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    rows, length, width = x.shape
    heads = width // HEAD_SIZE
    q, k, v = (
        (x @ weights[f"{layer}.{part}"]).view(rows, length, heads, HEAD_SIZE).transpose(1, 2)
        for part in ("query", "key", "value")
    )
    q, k = rotate(normalize(q), *turns), rotate(normalize(k), *turns)
    mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=ATTENTION_SCALE)
    return mixed.transpose(1, 2).reshape(rows, length, width) @ weights[f"{layer}.out"]
