"""The exceptions a user can meet, all under `LightRouterError`."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any


class LightRouterError(Exception):
    """Base of every error this package raises on purpose."""


PROGRAMMING_ERRORS = (
    LightRouterError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
)
"""What a selector or an aggregator raises because it is written wrongly, not because something it needs is down."""


class PoolError(LightRouterError, ValueError):
    """A pool, a candidate, a model spec or a pool file is not usable as written."""


class NoModelsError(PoolError):
    """Nothing is configured that a pool could be made of."""


class ContextError(LightRouterError, ValueError):
    """A setting is outside what `Context` allows."""


class SelectionError(LightRouterError, ValueError):
    """A selector, a prior or an aggregator was built or used in a way that cannot work."""


class QueryError(LightRouterError, ValueError):
    """What is asked cannot be answered: no question, calls without results, an unknown argument, tool or form."""


class EvaluationError(LightRouterError, ValueError):
    """An evaluation cannot be run as asked: its data, its methods or its results are not usable."""


class NoSurvivorError(LightRouterError, RuntimeError):
    """No candidate is left that could answer.

    Attributes:
        layer: The 1-based layer in which the last candidate was lost.
        failures: What happened to each candidate, by name.
        bill: What was spent in vain, as an answer's record would have said it.
    """

    def __init__(
        self, *, layer: int, failures: Mapping[str, str], bill: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.layer = layer
        self.failures = dict(failures)
        self.bill = dict(bill)
        causes = "; ".join(f"{name}: {what}" for name, what in self.failures.items())
        super().__init__(f"no candidate could answer (layer {layer}): {causes or 'none was asked'}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a pickle, as exceptions of worker processes must."""
        return partial(type(self), layer=self.layer, failures=self.failures, bill=self.bill), ()


class BudgetError(LightRouterError, RuntimeError):
    """Not even one short answer is sure to stay within the budget; nothing was spent.

    Attributes:
        needed: What the cheapest way may take: `usd`, `tokens`, `calls` or `seconds`, those that are short.
        left: What is left of the same.
        scope: Whose budget it is, "run" or "thread".
    """

    def __init__(self, problem: str, *, needed: Mapping[str, float], left: Mapping[str, float], scope: str) -> None:
        self.needed = dict(needed)
        self.left = dict(left)
        self.scope = scope
        super().__init__(problem)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive a pickle, as exceptions of worker processes must."""
        return partial(type(self), str(self), needed=self.needed, left=self.left, scope=self.scope), ()


class BrokenStreamError(LightRouterError, RuntimeError):
    """A model broke off while its answer streamed, and another answered in its place.

    What was streamed cannot be taken back; whoever streams decides whether to show the other answer.

    Attributes:
        answer: The answer that counts, an `AIMessage`.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        super().__init__("a model broke off while its answer streamed; the answer that counts is another (`.answer`)")
