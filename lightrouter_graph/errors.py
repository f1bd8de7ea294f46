"""Exceptions of this package. All derive from `LightRouterError`."""

import sys
import warnings
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any


class LightRouterError(Exception):
    """Base class of every exception that this package raises itself."""


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
"""Raised by a selector or an aggregator that has a bug. Other exceptions mean that a service it needs failed."""


class PoolError(LightRouterError, ValueError):
    """Invalid pool, candidate, provider, model spec or pool file."""


class NoModelsError(PoolError):
    """The environment has no API key and no local server, so no pool can be built."""


class ContextError(LightRouterError, ValueError):
    """Invalid setting: unknown name, wrong type or value out of range."""


class SelectionError(LightRouterError, ValueError):
    """Invalid arguments or return value of a selector, prior, stop rule or aggregator."""


class QueryError(LightRouterError, ValueError):
    """Invalid request: no message, tool calls without results, or an unknown argument, tool or response format."""


class EvaluationError(LightRouterError, ValueError):
    """Invalid data set, method or results file of an evaluation."""


class NoSurvivorError(LightRouterError, RuntimeError):
    """All candidates failed.

    Attributes:
        layer: The layer in which the last candidate failed, >= 1.
        failures: "cause: message" of each candidate, by name.
        bill: Cost of the failed calls, in the schema of `Decision`'s bill.
        retry_after_s: Seconds until the first of the candidates may be queried again; None if unknown.
    """

    def __init__(
        self,
        *,
        layer: int,
        failures: Mapping[str, str],
        bill: Mapping[str, Any] = MappingProxyType({}),
        retry_after_s: float | None = None,
    ) -> None:
        self.layer = layer
        self.retry_after_s = retry_after_s
        self.failures = dict(failures)
        self.bill = dict(bill)
        causes = "; ".join(f"{name}: {failure}" for name, failure in self.failures.items())
        super().__init__(f"no candidate could answer (layer {layer}): {causes or 'no candidate was queried'}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle, for exceptions raised in worker processes."""
        named = partial(type(self), layer=self.layer, failures=self.failures, bill=self.bill)
        return partial(named, retry_after_s=self.retry_after_s), ()


class BudgetError(LightRouterError, RuntimeError):
    """The budget cannot pay for a single model call. No request was sent.

    Attributes:
        needed: Worst-case cost of the cheapest plan, for the exceeded limits: `usd`, `tokens`, `calls` or `seconds`.
        left: The remaining amount of the same limits.
        scope: The budget that is exceeded: "run" or "thread".
    """

    def __init__(self, problem: str, *, needed: Mapping[str, float], left: Mapping[str, float], scope: str) -> None:
        self.needed = dict(needed)
        self.left = dict(left)
        self.scope = scope
        super().__init__(problem)

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickle, for exceptions raised in worker processes."""
        return partial(type(self), str(self), needed=self.needed, left=self.left, scope=self.scope), ()


class BrokenStreamError(LightRouterError, RuntimeError):
    """A streaming model call failed and another candidate's answer replaces it.

    The chunks already streamed cannot be withdrawn. The caller decides whether to show the replacement.

    Attributes:
        answer: The replacement answer, an `AIMessage`.
    """

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        super().__init__("a model call failed while its answer was streamed; the replacement answer is in `.answer`")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the known name closest to an unknown one; "" if none is close.

    Args:
        name: The unknown name.
        known: The allowed names.
    """
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def warn_deprecated(old: str, new: str) -> None:
    """Emit a DeprecationWarning that points at the first stack frame outside of this package.

    Args:
        old: The deprecated name, as the caller wrote it.
        new: The replacement.
    """
    inside = ("lightrouter_graph.", "pydantic.", "langgraph.")
    frame, depth = sys._getframe(), 1  # noqa: SLF001 - the public way, inspect.stack, reads the source of every frame
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(inside):
        frame, depth = frame.f_back, depth + 1
    warnings.warn(f"{old} is deprecated, write {new}", DeprecationWarning, stacklevel=depth)
