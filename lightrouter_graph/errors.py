"""The exceptions a user can meet, all under `LightRouterError`."""

import sys
import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from types import FrameType, MappingProxyType
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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known name nearest to a wrong one; "" if none is near.

    Args:
        name: The wrong name.
        known: The allowed names.
    """
    near = get_close_matches(name, list(known), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def warn_deprecated(old: str, new: str) -> None:
    """Warn that a name of version 0.1 will go away; the warning points at the first caller outside of this package.

    Args:
        old: The old name, as the user wrote it.
        new: What to write instead.
    """
    depth = 2
    while (frame := _frame(depth)) is not None and frame.f_globals.get("__name__", "").startswith(_INSIDE):
        depth += 1
    warnings.warn(f"{old} is deprecated, write {new}", DeprecationWarning, stacklevel=depth)


_INSIDE = ("lightrouter_graph.", "pydantic.", "langgraph.")


def _frame(depth: int) -> FrameType | None:
    frame = sys._getframe(1)  # noqa: SLF001 - the public way, inspect.stack, reads the source of every frame
    for _ in range(depth - 1):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame
