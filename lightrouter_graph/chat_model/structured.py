"""Structured output of the chat model: request formats and parsers."""

from operator import itemgetter
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

Method = Literal["function_calling", "json_schema", "json_mode"]
"""How candidates are asked for an object."""


def json_mode_of(schema: Any) -> dict[str, Any]:
    """Return the format of JSON mode; replies are checked against the schema, which the prompt must describe.

    Args:
        schema: Pydantic class, `TypedDict` or JSON schema.
    """
    return {"type": "json_object", "schema": convert_to_json_schema(schema)}


def json_schema_of(schema: Any, strict: bool | None) -> Any:
    """Return the format of a JSON schema.

    Args:
        schema: Pydantic class, `TypedDict` or JSON schema.
        strict: True to let the provider enforce it; None for its default.
    """
    if strict is None:
        return schema
    described = convert_to_json_schema(schema)
    name = described.get("title", "answer")
    return {"type": "json_schema", "json_schema": {"name": name, "schema": described, "strict": strict}}


def parser_of(schema: Any, method: Method) -> BaseOutputParser[Any]:
    """Return the parser of an answer: to an instance of a pydantic class, else to a dict.

    Args:
        schema: The schema that was requested.
        method: How it was requested.
    """
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    if method != "function_calling":
        return PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
    if is_class:
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=convert_to_openai_tool(schema)["function"]["name"], first_tool_only=True)


def parsed(asked: Runnable[Any, AIMessage], parser: BaseOutputParser[Any], *, include_raw: bool) -> Runnable[Any, Any]:
    """Append the parser to the model.

    Args:
        asked: The model with its request format.
        parser: Parser of the answer.
        include_raw: Return the raw answer and the parsing error beside the object.
    """
    if not include_raw:
        return asked | parser
    read = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unread = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | read.with_fallbacks([unread], exception_key="parsing_error")
