"""Validates JSON schemas, and values against them, in bounded time. Imported lazily: importing jsonschema is slow.

Schemas come from clients and values from models, so neither may hold the event loop. No regular expression of a schema
is run: `pattern` and `patternProperties` are not validated, except by the validators of pydantic classes.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from referencing.jsonschema import DRAFT202012

from lightrouter_graph.answer_keys import canonical_object

_MAX_PARTS = 10_000
"""Parts of a schema with its references expanded."""

_MAX_CHARS = 500_000
"""Length of a schema as JSON."""

_MAX_DEPTH = 100
_MAX_STEPS = 30_000
"""Steps of one validation, of some 10 microseconds each. A list of 1,000 records of 10 fields takes 15,000."""

_MAX_ERRORS = 100
"""Errors of which the most relevant one is reported."""

_UNCHECKED = "it cannot be checked against its schema"

# Empty, so that a schema from an untrusted client makes the server fetch no URL.
_NO_REMOTE: "referencing.Registry[Any]" = referencing.Registry()

_Errors = Iterator[jsonschema.ValidationError]
_Keyword = Callable[[Any, Any, Any, Any], _Errors | None]

# The keywords of draft 4 to 2020-12 by the form of their value. The meta-schemas would take 600 microseconds per part.
_MATCHING = frozenset({"additionalProperties", "unevaluatedProperties"})
_ONE_SCHEMA = _MATCHING | {
    *("additionalItems", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"),
    "unevaluatedItems",
}
_SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
_SCHEMA_MAPS = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_Form = tuple[str, Callable[[Any], bool]]
_NUMBER: _Form = "a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)
_COUNT: _Form = "an integer >= 0", lambda value: _NUMBER[1](value) and value >= 0 and value % 1 == 0
_TEXT: _Form = "a string", lambda value: isinstance(value, str)
_NAMES: _Form = "a list of strings", lambda value: isinstance(value, list) and all(isinstance(n, str) for n in value)
_FLAG: _Form = "true or false", lambda value: isinstance(value, bool)
_VALUE_FORMS: Mapping[str, _Form] = {
    "type": (
        "one of " + ", ".join(sorted(_TYPES)) + ", or a list",
        lambda value: bool(_TYPES.issuperset(_listed(value))),
    ),
    "enum": ("a list", lambda value: isinstance(value, list)),
    "required": ("a list of strings", lambda value: _FLAG[1](value) or _NAMES[1](value)),
    "multipleOf": ("a number > 0", lambda value: _NUMBER[1](value) and value > 0),
    "uniqueItems": _FLAG,
    **dict.fromkeys(("minimum", "maximum"), _NUMBER),
    **dict.fromkeys(
        ("exclusiveMinimum", "exclusiveMaximum"), ("a number", lambda value: isinstance(value, int | float))
    ),
    **dict.fromkeys(
        (f"{most}{what}" for most in ("min", "max") for what in ("Length", "Items", "Contains", "Properties")), _COUNT
    ),
    **dict.fromkeys(("$ref", "$dynamicRef", "$id", "$anchor", "$schema", "pattern", "format"), _TEXT),
}


class _MalformedError(Exception):
    """Caught in this module; its text is the problem."""


class _TooManyStepsError(Exception):
    """Caught in this module."""


def schema_error(schema: Mapping[str, Any]) -> str:
    """Return why a mapping is no JSON schema that can be checked in bounded time; "" if it is one.

    Args:
        schema: The mapping; `$ref` may refer to parts of it only.
    """
    try:
        if len(json.dumps(schema, default=str)) > _MAX_CHARS:
            return f"is longer than {_MAX_CHARS} characters"
        parts = _Inspector(schema).parts(schema, "", 0)
    except _MalformedError as exc:
        return f"is no JSON schema: {exc}"
    except referencing.exceptions.Unresolvable as exc:
        return f"refers to {exc.ref!r}, which is not in the schema"
    except (RecursionError, ValueError):  # ValueError: it contains itself
        return "is nested too deep"
    return "" if parts <= _MAX_PARTS else f"has more than {_MAX_PARTS} parts with its references expanded"


def validation_error(schema: Mapping[str, Any], value: Any) -> str:
    """Return the path and the reason of the most relevant error of a value; "" if it is valid.

    A value that cannot be checked, or not in 30,000 steps, is invalid.

    Args:
        schema: A schema that `schema_error` accepts.
        value: A parsed JSON value.
    """
    token = _steps.set(_Steps(has_patterns='"patternProperties"' in json.dumps(schema, default=str)))
    try:
        errors = islice(_validator(schema).iter_errors(value), _MAX_ERRORS)
        error = jsonschema.exceptions.best_match(errors)
    except Exception:  # noqa: BLE001 - keywords of jsonschema raise anything, as OverflowError for 1e400
        return _UNCHECKED
    finally:
        _steps.reset(token)
    if error is None:
        return ""
    path = error.json_path.removeprefix("$").removeprefix(".")
    return f"{path}: {error.message}" if path else str(error.message)


class _Inspector:
    """Checks the form of a schema and counts its parts with references expanded, in time linear in the schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._resolver = _NO_REMOTE.with_resource("", _resource_of(schema)).resolver("")
        self._counts: dict[str, int] = {}

    def parts(self, part: Any, path: str, depth: int) -> int:
        if isinstance(part, bool):
            return 1
        if not isinstance(part, Mapping):
            raise _MalformedError(f"{path[1:]} = {part!r:.60}: it must be an object or a boolean")
        if depth > _MAX_DEPTH:
            raise RecursionError
        count = 1
        for name, value in part.items():
            form, fits = _VALUE_FORMS.get(name, ("", None))
            if fits is not None and not fits(value):
                raise _MalformedError(f"{f'{path}.{name}'[1:]} = {value!r:.60}: it must be {form}")
            count += sum(self.parts(inner, f"{path}.{key}", depth + 1) for key, inner in _schemas_in(name, value))
        reference = part.get("$ref")
        return count + (self._referenced(reference, depth) if isinstance(reference, str) else 0)

    def _referenced(self, reference: str, depth: int) -> int:
        if reference not in self._counts:
            self._counts[reference] = 1  # a recursive reference is as deep as the value
            parts = self.parts(self._resolver.lookup(reference).contents, f".{reference}", depth)
            self._counts[reference] = min(parts, 10 * _MAX_PARTS)
        return self._counts[reference]


def _schemas_in(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the schemas in the value of a keyword, with their paths."""
    if isinstance(value, list) and name in _SCHEMA_LISTS:
        if not value and name != "items":
            raise _MalformedError(f"{name} is empty")
        yield from ((f"{name}[{index}]", inner) for index, inner in enumerate(value))
    elif isinstance(value, Mapping) and name in _SCHEMA_MAPS:
        yield from ((f"{name}.{key}", inner) for key, inner in value.items() if not _NAMES[1](inner))
    elif name in _ONE_SCHEMA:
        yield name, value
    elif name in _SCHEMA_MAPS or name in _SCHEMA_LISTS:
        raise _MalformedError(
            f"{name} = {value!r:.60}: it must be {'a list' if name in _SCHEMA_LISTS else 'an object'}"
        )


def _listed(value: Any) -> list[Any]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


class _Steps:
    """Counts the steps of one validation."""

    def __init__(self, *, has_patterns: bool) -> None:
        self._left = _MAX_STEPS
        self.has_patterns = has_patterns

    def spend(self, steps: int) -> None:
        self._left -= steps
        if self._left < 0:
            raise _TooManyStepsError


_steps: ContextVar[_Steps] = ContextVar("steps")


def _resource_of(schema: Mapping[str, Any]) -> Any:
    specification = referencing.jsonschema.specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
    return specification.create_resource(schema)


def _validator(schema: Mapping[str, Any]) -> Any:
    # Crawled once: a lookup of an anchor in a registry that is not crawled reads the whole schema.
    registry = _NO_REMOTE.with_resource("", _resource_of(schema)).crawl()
    return _counting(jsonschema.validators.validator_for(schema))(dict(schema), registry=registry)


@lru_cache
def _counting(strict: Any) -> Any:
    """Return a validator class of which each keyword counts its steps and none runs a regular expression."""
    keywords: dict[str, _Keyword] = {**strict.VALIDATORS, "uniqueItems": _unique_items}
    keywords |= dict.fromkeys(("pattern", "patternProperties"), lambda *_: None)
    counted: Any = {name: _counted(name, keyword) for name, keyword in keywords.items()}
    return jsonschema.validators.extend(strict, counted)  # type: ignore[no-untyped-call]


def _counted(name: str, keyword: _Keyword) -> _Keyword:
    def count(validator: Any, part: Any, value: Any, schema: Any) -> _Errors:
        steps = _steps.get()
        if steps.has_patterns and name in _MATCHING:
            return  # they run the regular expressions of `patternProperties`
        steps.spend(1 + _length(part) // 20 + _length(value) // 5)
        if name in {"enum", "const"} and isinstance(value, list | dict):  # compared at any depth
            steps.spend(len(str(part)) // 300)
        for error in keyword(validator, part, value, schema) or ():
            steps.spend(1 + len(error.message) // 500)  # it contains the repr of the value
            yield error

    return count


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _unique_items(_validator: Any, wanted: Any, value: Any, _schema: Any) -> _Errors:
    """Compare the items by their canonical strings, in linear time: jsonschema compares each object with each."""
    if wanted and isinstance(value, list):
        items = [canonical_object(item) for item in value]
        _steps.get().spend(sum(len(item or "") for item in items) // 300)
        if None in items:
            raise ValueError("not finite, or nested too deep")
        if len(set(items)) < len(items):
            yield jsonschema.ValidationError(f"{value!r:.100} has non-unique elements")
