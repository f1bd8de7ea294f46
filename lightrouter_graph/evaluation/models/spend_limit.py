"""Spend limit of a live evaluation: no call is sent if its worst-case cost does not fit."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from lightrouter_graph.errors import BudgetError, EvaluationError, LightRouterError
from lightrouter_graph.evaluation.call_log import call_usd
from lightrouter_graph.evaluation.models.cassette import Prompt
from lightrouter_graph.providers.pricing import Price

_OVERHEAD = 64
"""Maximum tokens per message that a provider counts in addition to its text."""

_refused: ContextVar[list[LightRouterError] | None] = ContextVar("evaluation_refused", default=None)


@contextmanager
def raise_refusals() -> Iterator[None]:
    """Raise the first refusal of a spend limit at the end of the block, also from child tasks.

    A method handles a refused call as a failed candidate; its answer without that candidate is not a valid result.
    """
    refused: list[LightRouterError] = []
    token = _refused.set(refused)
    try:
        yield
    finally:
        _refused.reset(token)
    if refused:
        raise refused[0]


@dataclass(slots=True)
class _Reservation:
    """Cost of one call: the worst case, replaced by the actual cost."""

    usd: float

    def settle(self, usd: float | None) -> None:
        """Replace the worst case by the actual cost; None keeps the worst case."""
        self.usd = self.usd if usd is None else usd


class SpendLimit:
    """Sum of the costs of the live calls of one evaluation.

    The worst case of a prompt is one token per byte: no tokenizer produces more.

    Args:
        max_usd: The limit in USD; None for no limit.
    """

    def __init__(self, max_usd: float | None = None) -> None:
        self.max_usd = max_usd
        self._reservations: list[_Reservation] = []

    @property
    def usd(self) -> float:
        """USD spent and reserved."""
        return sum(reservation.usd for reservation in self._reservations)

    @property
    def calls(self) -> int:
        """Number of calls sent."""
        return len(self._reservations)

    @contextmanager
    def reserved(self, prompt: Prompt, price: Price | None) -> Iterator[_Reservation]:
        """Reserve the worst case of a call until it is settled.

        Args:
            prompt: The prompt with its output cap.
            price: USD per 1M tokens; None if unknown.

        Raises:
            BudgetError: If the worst case exceeds the remaining budget.
            EvaluationError: If there is a limit, but the price or the output cap is unknown.
        """
        try:
            reservation = self._reserve(prompt, price)
        except LightRouterError as exc:
            if (refused := _refused.get()) is not None:
                refused.append(exc)
            raise
        self._reservations.append(reservation)
        yield reservation

    def _reserve(self, prompt: Prompt, price: Price | None) -> _Reservation:
        if self.max_usd is None:
            return _Reservation(0.0)
        if price is None or prompt.cap is None:
            what = "price" if price is None else "cap on the output (--max-tokens)"
            msg = f"{prompt.candidate} has no known {what}, and a budget in USD needs one"
            raise EvaluationError(msg)
        input_tokens = sum(len(str(message.text).encode()) + _OVERHEAD for message in prompt.messages)
        worst, left = call_usd(price, input_tokens, prompt.cap) or 0.0, self.max_usd - self.usd
        if worst > left:
            msg = (
                f"the budget of {self.max_usd:g} USD has {left:.4f} left, and the next call may cost {worst:.4f}; "
                "completed calls are kept: run the same command with a higher --budget to continue"
            )
            raise BudgetError(msg, needed={"usd": worst}, left={"usd": left}, scope="run")
        return _Reservation(worst)
