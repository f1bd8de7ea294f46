"""Check JSON schemas, and values against them: the one module that imports jsonschema, loaded with the first schema."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from referencing.jsonschema import DRAFT202012

_MOST_PARTS = 10_000
"""How many parts a schema may have once its references are followed: checking takes time in proportion."""

_NO_SCHEMAS = frozenset({"examples", "default", "const", "enum"})
# An empty registry: a schema may come from a stranger, and must not make us fetch what it refers to.
_NOTHING_BESIDES: "referencing.Registry[Any]" = referencing.Registry()


def schema_error(schema: Mapping[str, Any]) -> str:
    """Return why a mapping is no JSON schema that can be checked; "" if it is one."""
    try:
        jsonschema.validators.validator_for(dict(schema)).check_schema(dict(schema))
        parts = _Unfolded(schema).parts(schema)
    except jsonschema.SchemaError as exc:
        return f"is no JSON schema: {exc.message}"
    except referencing.exceptions.Unresolvable as exc:
        return f"refers to {exc.ref!r}, which is not in the schema"
    except RecursionError:
        return "is nested too deep to be checked"
    return "" if parts <= _MOST_PARTS else f"has more than {_MOST_PARTS} parts once its references are followed"


def validation_error(schema: Mapping[str, Any], value: Any) -> str:
    """Return where and why a value does not fit a schema; "" if it fits."""
    try:
        wrong = jsonschema.exceptions.best_match(_validator(schema).iter_errors(value))
    except (RecursionError, referencing.exceptions.Unresolvable):
        return "it cannot be checked against its schema"
    if wrong is None:
        return ""
    where = f"{wrong.json_path[2:]}: " if wrong.absolute_path else ""
    return f"{where}{wrong.message}"


class _Unfolded:
    """Counts the parts of a schema with its references followed, each one counted once and multiplied after that."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        of_schema = referencing.jsonschema.specification_with(str(schema.get("$schema", "")), default=DRAFT202012)
        root = of_schema.create_resource(schema)
        self._resolver = _NOTHING_BESIDES.with_resource("", root).resolver("")
        self._known: dict[str, int] = {}

    def parts(self, part: Any) -> int:
        if isinstance(part, list):
            return sum(map(self.parts, part))
        if not isinstance(part, Mapping):
            return 1
        reference = part.get("$ref")
        inner = sum(self.parts(item) for name, item in part.items() if name not in _NO_SCHEMAS and name != "$defs")
        return 1 + inner + (self._behind(reference) if isinstance(reference, str) else 0)

    def _behind(self, reference: str) -> int:
        if reference not in self._known:
            self._known[reference] = 1  # one that refers to itself goes as deep as the value does
            self._known[reference] = min(self.parts(self._resolver.lookup(reference).contents), 10 * _MOST_PARTS)
        return self._known[reference]


def _validator(schema: Mapping[str, Any]) -> Any:
    # Patterns are left to the validators of classes: Python's `re` can be made to run for ever, by a text that a
    # stranger asked for. What hangs on the names that match one is not checked either.
    kind = jsonschema.validators.validator_for(schema)
    lenient: Any = jsonschema.validators.extend(kind, {"pattern": _unchecked, "patternProperties": _unchecked})  # type: ignore[no-untyped-call]
    return lenient(dict(schema), registry=_NOTHING_BESIDES)


def _unchecked(*_: Any) -> Iterator[jsonschema.ValidationError]:
    return iter(())
