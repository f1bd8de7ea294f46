"""`checked_choices`: refuses arguments outside of their `Literal` at run time, where no type checker is used."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin

from lightrouter_graph.errors import did_you_mean

T = TypeVar("T", bound=Callable[..., Any])

_MAX_SHOWN = 60


def checked_choices(error: type[Exception] = ValueError) -> Callable[[T], T]:
    """Return a decorator of a function or a class that checks each argument whose type contains a `Literal`.

    A literal may be optional, or the items of a collection, or the keys of a mapping. Other types are not checked.

    Args:
        error: Raised for a wrong value; it names what is allowed.

    Example:
        ```python
        @checked_choices(PoolError)
        def build(mode: Literal["fast", "slow"] = "fast") -> None: ...
        ```
    """

    def decorate(target: T) -> T:
        if not inspect.isclass(target):
            return _wrapped(target, target, error)  # type: ignore[return-value]
        method = "__new__" if issubclass(target, tuple) else "__init__"
        setattr(target, method, _wrapped(getattr(target, method), target, error))
        return target

    return decorate


def _wrapped(function: Callable[..., Any], target: Any, error: type[Exception]) -> Callable[..., Any]:
    names = list(inspect.signature(function).parameters)
    annotations = target.__annotations__ if _is_named_tuple(target) else function.__annotations__
    choices = {name: hint for name, hint in annotations.items() if name in names and allowed_values(hint)}
    label = target.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        for name, hint in choices.items():
            if name in given and not _fits(given[name], hint):
                raise error(_message(f"{name} of {label}", given[name], allowed_values(hint)))
        return function(*args, **kwargs)

    return call


def _is_named_tuple(target: Any) -> bool:
    """Return True for a named tuple, whose annotations are those of the class."""
    return inspect.isclass(target) and issubclass(target, tuple)


def allowed_values(hint: Any) -> tuple[Any, ...]:
    """Return the values of all literals in a type; () without one."""
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
