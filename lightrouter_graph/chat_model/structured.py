"""Structured output of the chat model: requests for an object, and the parser of the answer."""

from operator import itemgetter
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

from lightrouter_graph.errors import QueryError

Method = Literal["function_calling", "json_schema", "json_mode"]
"""How candidates are asked for an object."""


def object_request(schema: Any, method: Method, strict: bool | None) -> dict[str, Any]:
    """Return the arguments of a call that ask for an object.

    Args:
        schema: Pydantic class, `TypedDict`, JSON schema or tool.
        method: In JSON mode the prompt must describe the schema; replies are checked against it.
        strict: True to let the provider enforce it; None for its default.

    Raises:
        QueryError: If the method is unknown.
    """
    traced = {"ls_structured_output_format": {"kwargs": {"method": method}, "schema": schema}}
    if method == "function_calling":
        tool = convert_to_openai_tool(schema, strict=strict)
        return {"tools": [tool], "tool_choice": tool["function"]["name"], "structured": schema, **traced}
    if method == "json_mode":
        return {"response_format": {"type": "json_object", "schema": convert_to_json_schema(schema)}, **traced}
    if method == "json_schema":
        return {"response_format": schema if strict is None else _named_schema(schema, strict), **traced}
    msg = f"method = {method!r}: it must be function_calling, json_schema or json_mode"
    raise QueryError(msg)


def _named_schema(schema: Any, strict: bool) -> dict[str, Any]:
    described = convert_to_json_schema(schema)
    name = described.get("title", "answer")
    return {"type": "json_schema", "json_schema": {"name": name, "schema": described, "strict": strict}}


def parsed(asked: Runnable[Any, AIMessage], schema: Any, method: Method, *, include_raw: bool) -> Runnable[Any, Any]:
    """Append the parser to the model that was `asked` for an object: an instance of a pydantic class, else a dict.

    With `include_raw` the raw answer and the parsing error are returned beside the object.
    """
    parser = _parser_of(schema, method)
    if not include_raw:
        return asked | parser
    read = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unread = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | read.with_fallbacks([unread], exception_key="parsing_error")


def _parser_of(schema: Any, method: Method) -> BaseOutputParser[Any]:
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    if method != "function_calling":
        return PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
    if is_class:
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=convert_to_openai_tool(schema)["function"]["name"], first_tool_only=True)
