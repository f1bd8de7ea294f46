"""`OutputSchema`: what an object must be like, and whether one is."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass

from lightrouter_graph.errors import QueryError

_LONGEST = 200
_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """A JSON schema that an object must fit; an empty one takes any JSON object.

    Attributes:
        name: What the object is called: letters, digits, `_` and `-`, at most 64, as OpenAI takes it.
        schema: What it must be like.
        told: Whether the conversation says so already, as in OpenAI's JSON mode: the models are asked for JSON alone.
        strict: Whether providers that can are to hold the models to it; None for their default.
        description: What the object is for.
        kind: The pydantic class the schema was made of, whose validators have a say.
    """

    name: str
    schema: Mapping[str, Any]
    told: bool = False
    strict: bool | None = None
    description: str | None = None
    kind: Any = field(default=None, repr=False)

    @property
    def is_free(self) -> bool:
        """Whether the models are asked for any JSON object."""
        return self.told or not self.schema

    def validation_error(self, value: Any) -> str:
        """Say in a few words where and why a value does not fit; "" where it does."""
        if not self.schema:
            return "" if isinstance(value, dict) else "it is not a JSON object"
        from lightrouter_graph.llm.schema_checks import validation_error  # noqa: PLC0415 - imports jsonschema, which is slow

        return validation_error(self.schema, value)[:_LONGEST] or self._refusal(value)

    def with_defaults(self, value: Any) -> Any:
        """Return a value that fits with its defaults written out, so that one who leaves them out says the same."""
        if self.kind is not None:
            try:
                made = _make(self.kind, value)
                return made.model_dump(mode="json") if hasattr(made, "model_dump") else json.loads(made.json())
            except Exception:  # noqa: BLE001 - a class that cannot be written as JSON is compared as it came
                return value
        if not isinstance(value, Mapping):
            return value
        properties: Mapping[str, Any] = self.schema.get("properties") or {}
        usual = {name: p["default"] for name, p in properties.items() if isinstance(p, Mapping) and "default" in p}
        return {**usual, **value}

    def _refusal(self, value: Any) -> str:
        if self.kind is None:
            return ""
        try:
            _make(self.kind, value)
        except Exception as exc:  # noqa: BLE001 - a class's validators are a user's: whatever they raise, it does not fit
            said = exc.errors()[0] if hasattr(exc, "errors") else {"loc": (), "msg": str(exc)}
            where = ".".join(map(str, said["loc"]))
            return f"{where}: {said['msg']}"[:_LONGEST] if where else str(said["msg"])[:_LONGEST]
        return ""


def schema_of(wanted: Any) -> OutputSchema | None:
    """Read what a user asks for as a form of answer; None for free text.

    Args:
        wanted: A pydantic class, a `TypedDict` class, a JSON schema, or OpenAI's shape of a tool or `response_format`.

    Raises:
        QueryError: If it is none of these, or no schema that can be checked.
    """
    if isinstance(wanted, Mapping):
        return _of_mapping(wanted)
    if isinstance(wanted, type) and is_basemodel_subclass(wanted):
        modern = hasattr(wanted, "model_json_schema")
        return _checked(wanted.__name__, wanted.model_json_schema() if modern else wanted.schema(), kind=wanted)  # type: ignore[attr-defined]
    try:
        schema = convert_to_json_schema(wanted)
    except (ValueError, TypeError, KeyError) as exc:
        raise QueryError(_unreadable(wanted)) from exc
    if not schema.get("properties"):
        raise QueryError(_unreadable(wanted))
    return _checked(str(schema.get("title") or "answer"), schema)


def read_json(text: str) -> Any:
    """Parse a reply as one whole JSON value, also inside a Markdown fence with text around it.

    LangChain's `parse_json_markdown` does not replace this: its default parser completes JSON that breaks off, which
    would turn a truncated reply into an answer. With a strict parser it fails on text behind the fence.

    Args:
        text: The text of the reply, of any length; the time is linear in it.

    Raises:
        ValueError: If it is none, or breaks off.
    """
    try:
        return _loads(text)
    except ValueError:
        if fenced := _FENCED.search(text):
            return _loads(fenced[1])
        raise


def _of_mapping(wanted: Mapping[str, Any]) -> OutputSchema | None:  # noqa: PLR0911 - one for each form
    match wanted.get("type"):
        case "text":
            return None
        case "json_object":
            return _checked("object", wanted.get("schema") or {}, told=True)
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
    told = {name: described.get(name) for name in ("strict", "description")}
    return _checked(str(described.get("name") or "answer"), described.get("schema") or {}, **told)


def _checked(name: str, schema: Mapping[str, Any], **others: Any) -> OutputSchema:
    from lightrouter_graph.llm.schema_checks import schema_error  # noqa: PLC0415 - imports jsonschema, which is slow

    made = OutputSchema(_NOT_IN_A_NAME.sub("_", name).strip("_")[:64] or "answer", dict(schema), **others)
    if reason := schema_error(schema):
        raise QueryError(f"response_format {reason}"[:_LONGEST])
    if "cannot be checked" in made.validation_error({}):
        raise QueryError("response_format is no JSON schema: it refers to nothing but itself")
    return made


def _make(kind: Any, value: Any) -> Any:
    return kind.model_validate(value) if hasattr(kind, "model_validate") else kind.parse_obj(value)


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse(constant: str) -> NoReturn:
    msg = f"JSON has no {constant}"
    raise ValueError(msg)


def _unreadable(wanted: Any) -> str:
    return f"response_format must be a class, a JSON schema or OpenAI's response_format, got {wanted!r}"[:_LONGEST]
