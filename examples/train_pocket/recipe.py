"""Which models are trained, from where, on what: the whole experiment as data."""

from dataclasses import dataclass

from lightrouter_graph.evaluation.problems.drawing import KINDS, Kind

FAMILIES: dict[str, tuple[Kind, ...]] = {
    "sums": ("sums", "differences", "chains"),
    "products": ("products", "sharing", "rates"),
    "shares": ("percent", "discounts", "units"),
}
"""What each specialist is for; problems of kind "mixed" belong to none."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    Attributes:
        start: The run whose weights it starts from, and the name of their snapshot: millions of tokens, rounded down
            to a half (its end may bear the name of the last half). None for random weights.
        tokens: Millions of tokens.
        rate: Share of the full learning rate.
        decay: Share of the run, at its end, over which the rate falls to zero.
    """

    name: str
    mixture: dict[Kind, float]
    tokens: float
    seed: int
    start: tuple[str, float] | None = None
    rate: float = 1.0
    decay: float = 0.5


def _leaning(own: tuple[Kind, ...], share: float) -> dict[Kind, float]:
    others = len(KINDS) - len(own)
    return {kind: share / len(own) if kind in own else (1 - share) / others for kind in KINDS}


EVEN: dict[Kind, float] = dict.fromkeys(KINDS, 1.0)
RUNS = (
    Run("trunk", EVEN, tokens=1, seed=1, decay=0.0),
    *(
        Run(name, _leaning(kinds, 0.97), tokens=1.3, seed=seed, start=("trunk", 1.0), rate=0.75, decay=0.6)
        for seed, (name, kinds) in enumerate(FAMILIES.items(), start=11)
    ),
    Run("general", EVEN, tokens=0.6, seed=21, start=("trunk", 1.0), rate=0.75, decay=0.8),
    Run("quick", EVEN, tokens=0.3, seed=22, start=("trunk", 0.5), rate=0.75, decay=0.8),
    Run("merger", EVEN, tokens=4, seed=31, start=("general", 0.5), rate=0.75, decay=0.6),
)
MERGE_PROBLEMS = 3500
