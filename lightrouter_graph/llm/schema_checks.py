"""Validates JSON schemas, and values against them. Imported lazily, because importing jsonschema is slow."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from referencing.jsonschema import DRAFT202012

_MAX_PARTS = 10_000
"""Parts of a schema with its references expanded; the validation time is proportional to them."""

_VALUE_KEYWORDS = frozenset({"examples", "default", "const", "enum"})
# An empty registry: a schema from an untrusted client must not make the server fetch URLs.
_NO_REMOTE: "referencing.Registry[Any]" = referencing.Registry()


def schema_error(schema: Mapping[str, Any]) -> str:
    """Return why a mapping is no valid JSON schema; "" if it is one.

    Args:
        schema: The mapping; `$ref` may refer to parts of it only.
    """
    try:
        jsonschema.validators.validator_for(dict(schema)).check_schema(dict(schema))
        parts = _PartCounter(schema).parts(schema)
    except jsonschema.SchemaError as exc:
        return f"is no JSON schema: {exc.message}"
    except referencing.exceptions.Unresolvable as exc:
        return f"refers to {exc.ref!r}, which is not in the schema"
    except RecursionError:
        return "is nested too deep"
    return "" if parts <= _MAX_PARTS else f"has more than {_MAX_PARTS} parts with its references expanded"


def validation_error(schema: Mapping[str, Any], value: Any) -> str:
    """Return the path and the reason of the most relevant error of a value; "" if it is valid.

    Args:
        schema: A schema that `schema_error` accepts.
        value: A parsed JSON value.
    """
    try:
        error = jsonschema.exceptions.best_match(_validator(schema).iter_errors(value))
    except (RecursionError, referencing.exceptions.Unresolvable):
        return "it cannot be checked against its schema"
    if error is None:
        return ""
    path = f"{error.json_path[2:]}: " if error.absolute_path else ""
    return f"{path}{error.message}"


class _PartCounter:
    """Counts the parts of a schema with its references expanded, in time linear in the schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        specification = referencing.jsonschema.specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
        root = specification.create_resource(schema)
        self._resolver = _NO_REMOTE.with_resource("", root).resolver("")
        self._counts: dict[str, int] = {}

    def parts(self, part: Any) -> int:
        if isinstance(part, list):
            return sum(map(self.parts, part))
        if not isinstance(part, Mapping):
            return 1
        reference = part.get("$ref")
        inner = sum(self.parts(item) for name, item in part.items() if name not in _VALUE_KEYWORDS and name != "$defs")
        return 1 + inner + (self._referenced(reference) if isinstance(reference, str) else 0)

    def _referenced(self, reference: str) -> int:
        if reference not in self._counts:
            self._counts[reference] = 1  # a recursive reference is as deep as the value
            self._counts[reference] = min(self.parts(self._resolver.lookup(reference).contents), 10 * _MAX_PARTS)
        return self._counts[reference]


def _validator(schema: Mapping[str, Any]) -> Any:
    # `pattern` and `patternProperties` are not validated: an untrusted regular expression can run for ever in `re`.
    # Validators of pydantic classes check them.
    strict = jsonschema.validators.validator_for(schema)
    lenient: Any = jsonschema.validators.extend(strict, {"pattern": _unchecked, "patternProperties": _unchecked})  # type: ignore[no-untyped-call]
    return lenient(dict(schema), registry=_NO_REMOTE)


def _unchecked(*_: Any) -> Iterator[jsonschema.ValidationError]:
    return iter(())
