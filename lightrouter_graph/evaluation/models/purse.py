"""What a live evaluation may still spend: no call is begun whose worst case would be too much."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from lightrouter_graph.errors import BudgetError, EvaluationError
from lightrouter_graph.evaluation.models.tape import Asked
from lightrouter_graph.pricing import Price

_OVERHEAD = 64
"""Tokens beside the texts of a prompt that a provider may count."""


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
        payment = Payment(self._worst_usd(asked, price))
        if self.most_usd is not None and self.usd + payment.usd > self.most_usd:
            left = self.most_usd - self.usd
            msg = f"the evaluation's budget of {self.most_usd:g} USD has {left:.4f} left; the next call may take more"
            raise BudgetError(msg, needed={"usd": payment.usd}, left={"usd": left}, scope="run")
        self._payments.append(payment)
        yield payment

    def _worst_usd(self, asked: Asked, price: Price | None) -> float:
        if self.most_usd is None:
            return 0.0
        if price is None or asked.cap is None:
            what = "price" if price is None else "cap on the output (--max-tokens)"
            msg = f"{asked.candidate} has no known {what}, and a budget in USD needs one"
            raise EvaluationError(msg)
        read = sum(len(str(message.text).encode()) + _OVERHEAD for message in asked.messages)
        return (read * price.input + asked.cap * price.output) / 1e6
