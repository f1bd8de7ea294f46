"""The seam: who stands where in, who answers next out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LayerStatus:
    """The state of the race in one layer.

    Attributes:
        contenders: Who may still answer or has answered, in the order in which they are asked.
        answers: The key of each complete answer at hand (None: it has no key), finished boots included.
        late: Whether the deadline has passed, so that nobody new may be asked.
        closed: Why nobody new may be asked for another reason; "" where anybody may.
    """

    contenders: tuple[str, ...]
    answers: Mapping[str, str | None]
    late: bool
    closed: str = ""


class StopRule(Protocol):
    """Decides whether the answers at hand suffice."""

    def next_up(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return who is to answer in full next, at the same time; nobody means that it is enough."""
        ...

    def counted(self, standing: LayerStatus) -> tuple[str, ...]:
        """Return whose answers go to the aggregator, best-ranked first."""
        ...

    def why(self, standing: LayerStatus) -> str:
        """Say in a few words why nobody is up next."""
        ...
