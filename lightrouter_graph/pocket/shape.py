"""Shape of a pocket model and constants that training and inference share."""

from collections.abc import Mapping
from dataclasses import dataclass

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pocket.tokenizer import LARGEST_PLACE

HEAD_SIZE = 32
ROTARY_BASE = 1000.0
ATTENTION_SCALE = 0.35
"""Fixed scale of the attention scores, since queries and keys are normalized; 0.35 allows exact copying."""
CONTEXT_TOKENS = 512
"""Limit of prompt and output tokens together."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of a model; matrices are (in, out).

    Attributes:
        vocabulary: Number of tokens.
        width: Size of the hidden state, a multiple of `HEAD_SIZE`.
        layers: Number of transformer layers.
    """

    vocabulary: int
    width: int = 96
    layers: int = 3

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return the shape of each weight array by name."""
        tables = {
            "embed": (self.vocabulary, self.width),
            "embed1": (self.vocabulary, self.width),
            "embed2": (self.vocabulary, self.width),
            "embed_place": (LARGEST_PLACE + 1, self.width),
            "head": (self.width, self.vocabulary),
        }
        square, wide = (self.width, self.width), (self.width, 4 * self.width)
        for layer in range(self.layers):
            for part in ("query", "key", "value", "out"):
                tables[f"layer{layer}.{part}"] = square
            tables[f"layer{layer}.up"] = wide
            tables[f"layer{layer}.down"] = wide[::-1]
        return tables

    @classmethod
    def of(cls, found: Mapping[str, tuple[int, ...]]) -> "Shape":
        """Infer the shape of a model from its weight arrays.

        Args:
            found: Shape of each array by name.

        Raises:
            PoolError: If an array is missing or has another shape.
        """
        vocabulary, width = found.get("embed", (0, 0))
        shape = cls(vocabulary, width, sum(name.endswith(".query") for name in found))
        if shape.sizes() != dict(found):
            msg = f"weights of no pocket model: {dict(found)}"
            raise PoolError(msg)
        return shape
