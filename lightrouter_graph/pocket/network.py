"""Forward pass of a pocket model in numpy, with a key-value cache.

Equal to the torch model in `examples/train_pocket/network.py`; a test compares the logits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from lightrouter_graph.pocket.shape import ATTENTION_SCALE, CONTEXT_TOKENS, HEAD_SIZE, ROTARY_BASE, Shape

Floats = NDArray[np.float32]

_BLAS = ThreadpoolController()
"""Limits BLAS to one thread, which is faster for matrices of this size."""


@dataclass
class Cache:
    """Key-value cache of one text: per layer (heads, CONTEXT_TOKENS, HEAD_SIZE). Updated in place."""

    keys: list[Floats]
    values: list[Floats]
    length: int = 0
    tail: tuple[int, int] = (0, 0)
    """The last two tokens, the last one first."""
    place: int = 0
    """Digit place of the last token; 0 if it is not a digit."""


@dataclass(frozen=True)
class _Layer:
    inward: Floats  # queries, keys and values concatenated: (width, 3 * width)
    out: Floats
    up: Floats
    down: Floats


@dataclass(frozen=True)
class Network:
    """Weights of one model, converted for inference; immutable, so threads share it."""

    shape: Shape
    tables: tuple[Floats, Floats, Floats, Floats]
    head: Floats
    layers: tuple[_Layer, ...]
    cos: Floats = field(repr=False)
    sin: Floats = field(repr=False)

    @classmethod
    def of(cls, weights: Mapping[str, NDArray[np.float16]]) -> "Network":
        """Convert stored weights to float32.

        Args:
            weights: Array by name, as in the `.npz` file.

        Raises:
            PoolError: If a weight is missing or its shape does not match the others.
        """
        shape = Shape.of({name: weight.shape for name, weight in weights.items()})
        full = {name: np.ascontiguousarray(weight, dtype=np.float32) for name, weight in weights.items()}
        angles = np.outer(np.arange(CONTEXT_TOKENS), ROTARY_BASE ** (-np.arange(0, HEAD_SIZE, 2) / HEAD_SIZE))
        return cls(
            shape=shape,
            tables=(full["embed"], full["embed1"], full["embed2"], full["embed_place"]),
            head=full["head"],
            layers=tuple(_layer_of(full, f"layer{i}") for i in range(shape.layers)),
            cos=np.cos(angles).astype(np.float32),
            sin=np.sin(angles).astype(np.float32),
        )

    def new_cache(self) -> Cache:
        """Return an empty cache for one text."""
        size = (self.shape.width // HEAD_SIZE, CONTEXT_TOKENS, HEAD_SIZE)
        empty = [np.zeros(size, np.float32) for _ in range(2 * self.shape.layers)]
        return Cache(empty[: self.shape.layers], empty[self.shape.layers :])

    def read(self, ids: list[int], places: list[int], cache: Cache) -> Floats:
        """Run the forward pass for more tokens of a text.

        Args:
            ids: n >= 1 token ids.
            places: The n digit places, 0 for tokens that are not digits.
            cache: The cache of the text; updated in place.

        Returns:
            Logits of the next token after each token, (n, vocabulary).
        """
        with _BLAS.limit(limits=1, user_api="blas"):
            return self._read(ids, places, cache)

    def _read(self, ids: list[int], places: list[int], cache: Cache) -> Floats:
        x = _normalize(self._embed(ids, places, cache))
        start, end = cache.length, cache.length + len(ids)
        for i, layer in enumerate(self.layers):
            x = x + self._attend(layer, _normalize(x), cache.keys[i], cache.values[i], start)
            hidden = np.maximum(_normalize(x) @ layer.up, 0)
            x = x + (hidden * hidden) @ layer.down
        cache.length = end
        cache.tail = (ids[-1], ids[-2] if len(ids) > 1 else cache.tail[0])
        cache.place = places[-1]
        return _normalize(x) @ self.head

    def _embed(self, ids: list[int], places: list[int], cache: Cache) -> Floats:
        known = [cache.tail[1], cache.tail[0], *ids]
        token, before, before2, place = self.tables
        summed: Floats = token[ids] + before[known[1:-1]] + before2[known[:-2]] + place[places]
        return summed

    def _attend(self, layer: _Layer, x: Floats, keys: Floats, values: Floats, start: int) -> Floats:
        count, width = x.shape
        end = start + count
        # (3 * heads, count, HEAD_SIZE): queries, keys, values of each head.
        parts = (x @ layer.inward).reshape(count, -1, HEAD_SIZE).transpose(1, 0, 2)
        heads = width // HEAD_SIZE
        turned = self._rotate(_normalize(parts[: 2 * heads]), start, end)
        keys[:, start:end] = turned[heads:]
        values[:, start:end] = parts[2 * heads :]
        scores = turned[:heads] @ keys[:, :end].transpose(0, 2, 1) * np.float32(ATTENTION_SCALE)
        if count > 1:
            scores += np.triu(np.full((count, end), -1e9, np.float32), start + 1)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = scores @ values[:, :end] / scores.sum(-1, keepdims=True)
        return np.asarray(mixed.transpose(1, 0, 2).reshape(count, width) @ layer.out)

    def _rotate(self, x: Floats, start: int, end: int) -> Floats:
        half = HEAD_SIZE // 2
        cos, sin = self.cos[start:end], self.sin[start:end]
        a, b = x[..., :half], x[..., half:]
        return np.concatenate((a * cos - b * sin, a * sin + b * cos), -1)


def _layer_of(weights: Mapping[str, Floats], name: str) -> _Layer:
    inward = np.concatenate([weights[f"{name}.{part}"] for part in ("query", "key", "value")], 1)
    return _Layer(inward, weights[f"{name}.out"], weights[f"{name}.up"], weights[f"{name}.down"])


def _normalize(x: Floats) -> Floats:
    squares = np.einsum("...i,...i->...", x, x)[..., None]
    scaled: Floats = x / np.sqrt(squares / np.float32(x.shape[-1]) + np.float32(1e-6))
    return scaled
