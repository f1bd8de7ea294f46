"""How a chat model's answer becomes an object of a schema."""

from operator import itemgetter
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.pydantic import is_basemodel_subclass

Method = Literal["function_calling", "json_schema", "json_mode"]
"""How the candidates are asked for an object."""


def json_mode_of(schema: Any) -> dict[str, Any]:
    """Ask for JSON mode, and hold the replies to a schema that the prompt describes."""
    return {"type": "json_object", "schema": convert_to_json_schema(schema)}


def json_schema_of(schema: Any, strict: bool | None) -> Any:
    """Ask for a JSON schema, strictly where that was said."""
    if strict is None:
        return schema
    described = convert_to_json_schema(schema)
    name = described.get("title", "answer")
    return {"type": "json_schema", "json_schema": {"name": name, "schema": described, "strict": strict}}


def parser_of(schema: Any, method: Method) -> BaseOutputParser[Any]:
    """Return what reads the object from an answer: an instance of a pydantic class, else a dict."""
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    if method != "function_calling":
        return PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
    if is_class:
        return PydanticToolsParser(tools=[schema], first_tool_only=True)
    return JsonOutputKeyToolsParser(key_name=convert_to_openai_tool(schema)["function"]["name"], first_tool_only=True)


def parsed(asked: Runnable[Any, AIMessage], parser: BaseOutputParser[Any], *, include_raw: bool) -> Runnable[Any, Any]:
    """Put the parser behind the model; with the raw answer beside the object, what cannot be parsed is told."""
    if not include_raw:
        return asked | parser
    read = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    unread = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=asked) | read.with_fallbacks([unread], exception_key="parsing_error")
