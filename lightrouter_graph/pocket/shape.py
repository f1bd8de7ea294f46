"""The shape of a pocket model: what training and numpy inference must agree on."""

from collections.abc import Mapping
from dataclasses import dataclass

from lightrouter_graph.errors import PoolError
from lightrouter_graph.pocket.tokenizer import LARGEST_PLACE

HEAD_SIZE = 32
ROTARY_BASE = 1000.0
ATTENTION_SCALE = 0.35
"""Queries and keys are normalised, so their products need a fixed scale; 0.35 allows sharp copying."""
LONGEST = 512
"""Tokens of a prompt and its answer together."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Size of a model; all matrices are written as (in, out)."""

    vocabulary: int
    width: int = 96
    layers: int = 3

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Name and size of each weight."""
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
        """The shape that weights of these sizes have.

        Raises:
            PoolError: If they fit no shape.
        """
        vocabulary, width = found.get("embed", (0, 0))
        shape = cls(vocabulary, width, sum(name.endswith(".query") for name in found))
        if shape.sizes() != dict(found):
            msg = f"these weights belong to no pocket model: {dict(found)}"
            raise PoolError(msg)
        return shape
