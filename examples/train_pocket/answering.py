"""Greedy answers of a torch model to many questions at once: what the merger is trained on."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from examples.train_pocket.network import Weights, normalize, rotary_tables, rotate
from lightrouter_graph.pocket.shape import ATTENTION_SCALE, CONTEXT_TOKENS, HEAD_SIZE, Shape
from lightrouter_graph.pocket.tokenizer import END, LARGEST_PLACE, PAD, Tokenizer

_MOST = 130
_ROWS = 256


def answer_all(weights: Weights, shape: Shape, tokenizer: Tokenizer, prompts: list[list[int]]) -> list[list[int]]:
    """The answers' tokens, without the end token; prompts of one length are answered together."""
    answers: list[list[int]] = [[] for _ in prompts]
    by_length: dict[int, list[int]] = {}
    for i, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(i)
    for places in by_length.values():
        for start in range(0, len(places), _ROWS):
            some = places[start : start + _ROWS]
            with torch.no_grad():
                found = _Group(weights, shape, tokenizer).answer([prompts[i] for i in some])
            for i, answer in zip(some, found, strict=True):
                answers[i] = answer
    return answers


class _Group:
    """Prompts of one length, read together."""

    def __init__(self, weights: Weights, shape: Shape, tokenizer: Tokenizer) -> None:
        self.weights, self.shape, self.tokenizer = weights, shape, tokenizer
        self.turns = rotary_tables(CONTEXT_TOKENS)
        self.cache: list[tuple[Tensor, Tensor]] = []
        self.digits = torch.tensor([tokenizer.is_digit(i) for i in range(len(tokenizer.tokens))])

    def answer(self, prompts: list[list[int]]) -> list[list[int]]:
        end, pad = self.tokenizer.ids[END], self.tokenizer.ids[PAD]
        ids = torch.tensor(prompts)
        places = torch.tensor([self.tokenizer.places(prompt) for prompt in prompts])
        known = F.pad(ids, (2, 0), value=pad)
        logits = self._read(known, places)
        written: list[Tensor] = []
        running = torch.ones(len(prompts), dtype=torch.bool)
        while running.any() and len(written) < _MOST:
            token = torch.where(running, logits.argmax(-1), end)
            running &= token != end
            written.append(token)
            known = torch.cat((known[:, -2:], token[:, None]), 1)
            places = torch.where(self.digits[token][:, None], (places[:, -1:] + 1).clamp(max=LARGEST_PLACE), 0)
            logits = self._read(known, places)
        rows = torch.stack(written, 1).tolist()
        return [row[: row.index(end)] if end in row else row for row in rows]

    def _read(self, known: Tensor, places: Tensor) -> Tensor:
        """Logits after the last token; `known` holds two tokens more than are read."""
        weights = self.weights
        x = normalize(
            weights["embed"][known[:, 2:]]
            + weights["embed1"][known[:, 1:-1]]
            + weights["embed2"][known[:, :-2]]
            + weights["embed_place"][places]
        )
        for layer in range(self.shape.layers):
            x = x + self._attend(layer, normalize(x))
            x = x + F.relu(normalize(x) @ weights[f"layer{layer}.up"]).square() @ weights[f"layer{layer}.down"]
        return normalize(x[:, -1]) @ weights["head"]

    def _attend(self, layer: int, x: Tensor) -> Tensor:
        rows, length, width = x.shape
        q, k, v = (
            (x @ self.weights[f"layer{layer}.{part}"]).view(rows, length, width // HEAD_SIZE, HEAD_SIZE).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        start = self.cache[layer][0].shape[2] if len(self.cache) > layer else 0
        cos, sin = (table[start : start + length] for table in self.turns)
        q, k = rotate(normalize(q), cos, sin), rotate(normalize(k), cos, sin)
        if start:
            k, v = torch.cat((self.cache[layer][0], k), 2), torch.cat((self.cache[layer][1], v), 2)
            self.cache[layer] = (k, v)
        else:
            self.cache.append((k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1, scale=ATTENTION_SCALE)
        return mixed.transpose(1, 2).reshape(rows, length, width) @ self.weights[f"layer{layer}.out"]
