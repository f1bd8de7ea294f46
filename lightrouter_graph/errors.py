"""Exceptions of this package, all of which derive from `LightRouterError`, and the check of `Literal` arguments."""

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType, NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin


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


T = TypeVar("T", bound=Callable[..., Any])

_MAX_SHOWN = 60


def checked_choices(
    error: type[Exception] = ValueError, removed: Mapping[str, str] = MappingProxyType({})
) -> Callable[[T], T]:
    """Return a decorator of a function or a class that checks each argument whose type contains a `Literal`.

    A literal may be optional, or the items of a collection, or the keys of a mapping. Other types are not checked.

    Args:
        error: Raised for a wrong value; it names what is allowed.
        removed: Message by value that was allowed before, which names its replacement.

    Example:
        ```python
        @checked_choices(PoolError)
        def build(mode: Literal["fast", "slow"] = "fast") -> None: ...
        ```
    """

    def decorate(target: T) -> T:
        if not inspect.isclass(target):
            return _wrapped(target, target, error, removed)  # type: ignore[return-value]
        method = "__new__" if issubclass(target, tuple) else "__init__"
        setattr(target, method, _wrapped(getattr(target, method), target, error, removed))
        return target

    return decorate


def _wrapped(
    function: Callable[..., Any], target: Any, error: type[Exception], removed: Mapping[str, str]
) -> Callable[..., Any]:
    names = list(inspect.signature(function).parameters)
    annotations = target.__annotations__ if _is_named_tuple(target) else function.__annotations__
    choices = {name: hint for name, hint in annotations.items() if name in names and allowed_values(hint)}
    label = target.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, hint in choices.items():
            if name in given and not _fits(given[name], hint):
                raise error(
                    removed.get(str(given[name])) or _message(f"{name} of {label}", given[name], allowed_values(hint))
                )
        return function(*args, **kwargs)

    return call


def _is_named_tuple(target: Any) -> bool:
    """Return True for a named tuple, whose annotations are those of the class."""
    return inspect.isclass(target) and issubclass(target, tuple)


def allowed_values(hint: Any) -> tuple[Any, ...]:
    """Return the values of all literals in a type; () without one.

    Args:
        hint: A type annotation, e.g. `Literal["a", "b"] | None`.
    """
    if get_origin(hint) is Literal:
        return get_args(hint)
    inner = [argument for argument in get_args(hint) if not isinstance(argument, list)]
    return tuple(value for argument in inner for value in allowed_values(argument))


def _fits(value: Any, hint: Any) -> bool:
    if not allowed_values(hint):
        return value is None if hint is NoneType else not isinstance(hint, type) or isinstance(value, hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    if not (inspect.isclass(origin) and issubclass(origin, Collection | Mapping)):
        return any(_fits(value, argument) for argument in arguments)  # a union
    if isinstance(value, str):
        return False
    return not isinstance(value, Collection) or all(_fits(item, arguments[0]) for item in value)


def _message(argument: str, value: Any, allowed: tuple[Any, ...]) -> str:
    choices, names = ", ".join(map(repr, dict.fromkeys(allowed))), [one for one in allowed if isinstance(one, str)]
    hint = did_you_mean(value, names) if isinstance(value, str) else ""
    return f"{argument} must be one of {choices}, got {repr(value)[:_MAX_SHOWN]}{hint}"
