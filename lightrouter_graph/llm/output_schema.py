"""`OutputSchema`: the JSON schema of an output object, and validation of values against it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from lightrouter_graph.errors import QueryError

_MAX_MESSAGE = 200
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """JSON schema of an output object; an empty schema accepts any JSON object.

    Attributes:
        name: Name of the object: letters, digits, `_` and `-`, at most 64 characters, as OpenAI requires.
        in_prompt: True if the conversation describes the schema, as in OpenAI's JSON mode.
        strict: Whether providers enforce the schema, if they can; None for the provider's default.
        model_class: Pydantic class that the schema was made of; its validators run as well.
    """

    name: str
    schema: Mapping[str, Any]
    in_prompt: bool = False
    strict: bool | None = None
    description: str | None = None
    model_class: Any = field(default=None, repr=False)

    @property
    def is_free(self) -> bool:
        """True if any JSON object is requested from the models."""
        return self.in_prompt or not self.schema

    def validation_error(self, value: Any) -> str:
        """Return where and why a value is invalid, in at most 200 characters; "" if it is valid.

        Args:
            value: A parsed JSON value.
        """
        if not self.schema:
            return "" if isinstance(value, dict) else "it is not a JSON object"
        from lightrouter_graph.llm.schema_checks import validation_error  # noqa: PLC0415 - imports jsonschema, which is slow

        return validation_error(self.schema, value)[:_MAX_MESSAGE] or self._class_error(value)

    def with_defaults(self, value: Any) -> Any:
        """Return a value with the defaults of absent properties added, so that equal objects compare as equal.

        Args:
            value: A valid value; returned unchanged if it is no object.
        """
        if self.model_class is not None:
            try:
                made = _instance(self.model_class, value)
                return made.model_dump(mode="json") if hasattr(made, "model_dump") else json.loads(made.json())
            except Exception:  # noqa: BLE001 - an instance without a JSON form is compared by its value
                return value
        if not isinstance(value, Mapping):
            return value
        properties: Mapping[str, Any] = self.schema.get("properties") or {}
        defaults = {name: p["default"] for name, p in properties.items() if isinstance(p, Mapping) and "default" in p}
        return {**defaults, **value}

    def _class_error(self, value: Any) -> str:
        if self.model_class is None:
            return ""
        try:
            _instance(self.model_class, value)
        except Exception as exc:  # noqa: BLE001 - validators of a user's class may raise anything: the value is invalid
            error = exc.errors()[0] if hasattr(exc, "errors") else {"loc": (), "msg": str(exc)}
            where = ".".join(map(str, error["loc"]))
            return f"{where}: {error['msg']}"[:_MAX_MESSAGE] if where else str(error["msg"])[:_MAX_MESSAGE]
        return ""


def schema_of(wanted: Any) -> OutputSchema | None:
    """Return the schema of a response format; None for plain text.

    Args:
        wanted: A pydantic class, a `TypedDict` class, a JSON schema, or a tool or `response_format` in OpenAI's format.

    Raises:
        QueryError: If the format is something else, or its schema is invalid.
    """
    if isinstance(wanted, Mapping):
        return _of_mapping(wanted)
    if isinstance(wanted, type) and is_basemodel_subclass(wanted):
        modern = hasattr(wanted, "model_json_schema")
        return _checked(wanted.__name__, wanted.model_json_schema() if modern else wanted.schema(), model_class=wanted)  # type: ignore[attr-defined]
    try:
        schema = convert_to_json_schema(wanted)
    except (ValueError, TypeError, KeyError) as exc:
        raise QueryError(_unreadable(wanted)) from exc
    if not schema.get("properties"):
        raise QueryError(_unreadable(wanted))
    return _checked(str(schema.get("title") or "answer"), schema)


def read_json(text: str) -> Any:
    """Parse a response as one complete JSON value, also inside a Markdown fence with text around it.

    LangChain's `parse_json_markdown` does not replace this: its default parser completes JSON that breaks off, which
    would turn a truncated reply into an answer. With a strict parser it fails on text behind the fence.

    Args:
        text: Text of the response, of any length; parsed in linear time.

    Raises:
        ValueError: If the text is not JSON, or incomplete.
    """
    try:
        return _loads(text)
    except ValueError:
        if fenced := _FENCED.search(text):
            return _loads(fenced[1])
        raise


def _of_mapping(wanted: Mapping[str, Any]) -> OutputSchema | None:  # noqa: PLR0911 - one for each format
    match wanted.get("type"):
        case "text":
            return None
        case "json_object":
            return _checked("object", wanted.get("schema") or {}, in_prompt=True)
        case "json_schema":
            return _of_openai(wanted.get("json_schema"))
        case "function" if isinstance(tool := wanted.get("function"), Mapping):
            return _checked(str(tool.get("name")), tool.get("parameters") or {}, description=tool.get("description"))
    if isinstance(wanted.get("schema"), Mapping) and isinstance(wanted.get("name"), str):
        return _of_openai(wanted)
    if isinstance(wanted.get("parameters"), Mapping) and isinstance(wanted.get("name"), str):
        return _checked(wanted["name"], wanted["parameters"], description=wanted.get("description"))
    if not wanted:
        raise QueryError(_unreadable(wanted))
    return _checked(str(wanted.get("title") or "answer"), wanted)


def _of_openai(described: Any) -> OutputSchema:
    if not isinstance(described, Mapping):
        raise QueryError(_unreadable({"type": "json_schema", "json_schema": described}))
    options = {name: described.get(name) for name in ("strict", "description")}
    return _checked(str(described.get("name") or "answer"), described.get("schema") or {}, **options)


def _checked(name: str, schema: Mapping[str, Any], **options: Any) -> OutputSchema:
    from lightrouter_graph.llm.schema_checks import schema_error  # noqa: PLC0415 - imports jsonschema, which is slow

    made = OutputSchema(_NOT_IN_A_NAME.sub("_", name).strip("_")[:64] or "answer", dict(schema), **options)
    if reason := schema_error(schema):
        raise QueryError(f"response_format {reason}"[:_MAX_MESSAGE])
    if "cannot be checked" in made.validation_error({}):
        raise QueryError("response_format is no JSON schema: its $ref refers to itself")
    return made


def _instance(model_class: Any, value: Any) -> Any:
    validate = getattr(model_class, "model_validate", None) or model_class.parse_obj  # pydantic 1
    return validate(value)


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError:
        raise ValueError("the JSON is nested too deep") from None


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(number)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant[:40]} is not a number of JSON")


def _unreadable(wanted: Any) -> str:
    return f"response_format must be a class, a JSON schema or OpenAI's response_format, got {wanted!r}"[:_MAX_MESSAGE]
