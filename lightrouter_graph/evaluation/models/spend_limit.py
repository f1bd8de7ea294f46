"""What a live evaluation may still spend: no call is begun whose worst case would be too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from lightrouter_graph.errors import BudgetError, EvaluationError, LightRouterError
from lightrouter_graph.evaluation.models.cassette import Asked
from lightrouter_graph.providers.pricing import Price

_OVERHEAD = 64
"""Tokens beside the texts of a prompt that a provider may count."""

_refused: ContextVar[list[LightRouterError] | None] = ContextVar("evaluation_refused", default=None)


@contextmanager
def refusals_raised() -> Iterator[None]:
    """Raise in the end what a purse refused inside, in this task and those it begins.

    To whoever asked, a refused call is one model that failed; what they made of the others is no result.
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
class Payment:
    """What is set aside for one call, then what it took."""

    usd: float
    settled: bool = False

    def settle(self, usd: float | None) -> None:
        """Say what the call took; a call that never says so counts with its worst case."""
        self.usd, self.settled = self.usd if usd is None else usd, True


class LivePurse:
    """Holds what live calls of one evaluation take, and refuses one that might be too many.

    A byte counts as a token until the provider says otherwise, so the worst case is one.

    Args:
        most_usd: The limit; None for none.
    """

    def __init__(self, most_usd: float | None = None) -> None:
        self.most_usd = most_usd
        self._payments: list[Payment] = []

    @property
    def usd(self) -> float:
        """What was spent and is set aside."""
        return sum(payment.usd for payment in self._payments)

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return len(self._payments)

    @contextmanager
    def reserved(self, asked: Asked, price: Price | None) -> Iterator[Payment]:
        """Set the worst case of a call aside until it is settled.

        Raises:
            BudgetError: If it is more than is left.
            EvaluationError: If there is a limit and no worst case: the price or the cap is not known.
        """
        try:
            payment = self._payment(asked, price)
        except LightRouterError as exc:
            if (refused := _refused.get()) is not None:
                refused.append(exc)
            raise
        self._payments.append(payment)
        yield payment

    def _payment(self, asked: Asked, price: Price | None) -> Payment:
        payment = Payment(self._worst_usd(asked, price))
        if self.most_usd is not None and self.usd + payment.usd > self.most_usd:
            left = self.most_usd - self.usd
            msg = (
                f"the evaluation's budget of {self.most_usd:g} USD has {left:.4f} left, and the next call may take "
                f"{payment.usd:.4f}; what was paid for is kept"
            )
            raise BudgetError(msg, needed={"usd": payment.usd}, left={"usd": left}, scope="run")
        return payment

    def _worst_usd(self, asked: Asked, price: Price | None) -> float:
        if self.most_usd is None:
            return 0.0
        if price is None or asked.cap is None:
            what = "price" if price is None else "cap on the output (--max-tokens)"
            msg = f"{asked.candidate} has no known {what}, and a budget in USD needs one"
            raise EvaluationError(msg)
        read = sum(len(str(message.text).encode()) + _OVERHEAD for message in asked.messages)
        return (read * price.input + asked.cap * price.output) / 1e6
