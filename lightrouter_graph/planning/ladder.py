"""The ladder: what a run does instead where the way it was asked for is too dear, the best first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lightrouter_graph.context import Context
from lightrouter_graph.planning.forecast import PLANNED_TOKENS, wave_of

LENGTHS = (4096, 2048, PLANNED_TOKENS)
"""How long a full answer may get that nothing else limits, longest first; the longest is longer than any boot.

The way to run is chosen for the shortest of them, and the answers may then get as long as there is enough left for.
"""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to run: its settings, and who boots."""

    settings: Context
    booting: tuple[str, ...]

    def changed(self, **settings: Any) -> "Rung":
        """Return the way with some settings changed."""
        return replace(self, settings=self.settings.model_copy(update=settings))

    def booted_by(self, number: int) -> "Rung":
        """Return the way with so many booting, the first in prior order."""
        return replace(self.changed(width=number), booting=self.booting[:number])


def ladder(asked: Rung, order: Sequence[str], layer: int, *, judged: bool, merged: bool) -> list[Rung]:
    """List the ways to run in the order in which they are tried; the last are one candidate alone each.

    Layers go first: each costs as much as all the boots, their ranking and a draft, and the paper gains least by them.
    Then the candidates believed in least, and the judge before there are no more of them than answers: it would have
    nothing left to choose. Then the answers, down to two, and then the synthesis, which a vote replaces for nothing.
    What the judge or the synthesis would have taken goes first to those who were left out for it.

    Args:
        asked: What was asked for.
        order: Who may be asked, in prior order.
        layer: The layer to begin with.
        judged: Whether the selector calls models.
        merged: Whether the aggregator does.
    """
    rungs = [asked.changed(layers=layers) for layers in range(asked.settings.layers, layer - 1, -1)]
    whole = rungs[-1]
    if judged:
        judgeless = whole.changed(selector="consistency")
        rungs += [*_fewer_boots(whole, 1), judgeless]
        whole = judgeless
    rungs += _fewer(whole)
    if merged:
        whole = whole.changed(aggregator="vote")
        rungs += [whole, *_fewer(whole)]
    last = rungs[-1]
    if len(last.booting) > 1 and wave_of(last.settings) > 1:
        rungs.append(last.changed(top_k=1, agree=None).booted_by(2))
    return rungs + [alone(last, name, layer) for name in order]


def alone(rung: Rung, name: str, layer: int) -> Rung:
    """Let one candidate answer at once, and nobody else."""
    return replace(rung.changed(top_k=1, agree=None, layers=layer, width=1), booting=(name,))


def lengths(settings: Context, *, weighed: bool) -> tuple[int | None, ...]:
    """Return the caps a full answer may have, longest first.

    Args:
        settings: The settings; where they say it, it is said.
        weighed: Whether a longer answer takes more of the budget.
    """
    if settings.max_tokens is not None or not weighed:
        return (settings.max_tokens,)
    return tuple(length for length in LENGTHS if length > settings.boot_tokens)


def _fewer(rung: Rung) -> list[Rung]:
    """Take away boots down to those that answer, then answers, and boots with them, down to two."""
    rungs = _fewer_boots(rung)
    for number in range(wave_of(rung.settings) - 1, 1, -1):
        rungs.append(_answered_by([rung, *rungs][-1], number))
        rungs += _fewer_boots(rungs[-1])
    return rungs


def _fewer_boots(rung: Rung, dropped: int = 0) -> list[Rung]:
    """Take away boots until so many more are left than answer."""
    least = max(2, wave_of(rung.settings) + dropped)
    return [rung.booted_by(number) for number in range(len(rung.booting) - 1, least - 1, -1)]


def _answered_by(rung: Rung, number: int) -> Rung:
    """Lower `agree` where it says how many answer at first, else `top_k`."""
    return rung.changed(top_k=number) if rung.settings.agree is None else rung.changed(agree=number)
