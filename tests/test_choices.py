"""Every public callable refuses a value outside of the `Literal` of its parameter, and says what is allowed."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

import pytest
from pydantic import BaseModel

import lightrouter_graph
from lightrouter_graph.errors import allowed_values, checked_choices

# Called by the nodes of the graph alone, with values of their own code, which the type checker reads.
INTERNAL = ("budget", "llm", "nodes", "rate_limits", "telemetry", "chat_model.structured", "providers.model_facts")


def modules():
    for found in pkgutil.walk_packages(lightrouter_graph.__path__, "lightrouter_graph."):
        if not found.name.removeprefix("lightrouter_graph.").startswith(INTERNAL):
            yield importlib.import_module(found.name)


def public(module):
    """Yield the public functions, constructors and methods that a module defines, and its named tuples."""
    for name, found in vars(module).items():
        if name.startswith("_") or getattr(found, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(found) or hasattr(found, "_fields"):
            yield found
        elif inspect.isclass(found) and not typing.is_typeddict(found):
            methods = [value for key, value in vars(found).items() if inspect.isfunction(value) and key[0] != "_"]
            yield from methods if issubclass(found, BaseModel) else [*methods, found.__init__]


def choices():
    for module in modules():
        for target in public(module):
            for name, hint in getattr(target, "__annotations__", {}).items():
                if name != "return" and allowed_values(hint):
                    yield pytest.param(target, name, hint, id=f"{module.__name__}.{target.__qualname__}-{name}")


CHOICES = list(choices())


def wrong(hint):
    """Return a value of the right shape that no literal allows."""
    origin = typing.get_origin(hint)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return {"nonsense": 1}
    if inspect.isclass(origin) and issubclass(origin, Collection):
        return ["nonsense"]
    inner = [option for option in typing.get_args(hint) if origin is not Literal and allowed_values(option)]
    return wrong(inner[0]) if inner else "nonsense"


def test_the_walk_finds_the_known_parameters():
    found = {parameter.id for parameter in CHOICES}
    assert "lightrouter_graph.evaluation.problems.drawing.draw_problems-wording" in found
    assert "lightrouter_graph.pool.candidate.Candidate.__init__-json_mode" in found
    assert "lightrouter_graph.testing.script.Script.__init__-then" in found
    assert len(found) > 30


@pytest.mark.parametrize(("target", "name", "hint"), CHOICES)
def test_a_value_that_is_not_allowed_is_refused(target, name, hint):
    signature = inspect.signature(target)
    others = [value for key, value in signature.parameters.items() if key != name and value.default is value.empty]
    arguments = {value.name: next(iter(allowed_values(value.annotation)), None) for value in others}
    if target.__qualname__ == "register_provider":
        arguments |= {"name": "acme-choices", "base_url": "http://127.0.0.1:1/v1"}
    with pytest.raises(ValueError, match=rf"{name}.* must be one of {allowed_values(hint)[0]!r}.*, got .*nonsense"):
        target(**arguments, **{name: wrong(hint)})


Size = Literal["small", "large"]


@checked_choices()
def sized(
    size: Size = "small",
    more: Sequence[Size] = (),
    each: Mapping[Size, int] | None = None,
    level: Literal[1, 2] | str = 1,
) -> str:
    return f"{size} {more} {each} {level}"


@checked_choices(KeyError)
class Sized(NamedTuple):
    size: Size


ALLOWED = [{}, {"size": "large"}, {"more": ["small"]}, {"more": {"large"}}, {"each": None}, {"each": {"small": 1}}]


@pytest.mark.parametrize("arguments", [*ALLOWED, {"level": "x"}])
def test_allowed_values_pass(arguments):
    assert sized(**arguments)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"size": "larg"}, r"size of sized must be one of 'small', 'large', got 'larg' \(did you mean 'large'\?\)"),
        ({"size": None}, "got None"),
        ({"size": 1}, "got 1"),
        ({"more": "small"}, "got 'small'"),
        ({"more": ["small", "x"]}, r"got \['small', 'x'\]"),
        ({"each": {"x": 1}}, r"got \{'x': 1\}"),
        ({"level": True}, "got True"),
    ],
)
def test_other_values_are_refused(arguments, why):
    with pytest.raises(ValueError, match=why):
        sized(**arguments)


def test_a_class_and_a_position_are_checked_too():
    assert Sized("small").size == "small"
    with pytest.raises(KeyError, match="size of Sized must be one of"):
        Sized("x")
    with pytest.raises(ValueError, match="got 'x'"):
        sized("x")
