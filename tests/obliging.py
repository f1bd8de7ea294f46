"""A willing model for `RecordedModelServer`: it calls the tools it is asked to and writes JSON that fits a schema.

It knows no question in particular. What goes into arguments and JSON are the facts of the question, in its order:
numbers, quoted texts, names in capitals; where those run out, the question itself and the least that fits.
"""

import json
import re
from collections.abc import Iterator
from itertools import takewhile
from textwrap import shorten
from typing import Any

from langchain_core.messages import AIMessage, ToolCall
from langchain_core.messages.tool import tool_call
from schema_filling import Facts, fill, has_more

Json = dict[str, Any]

# Words in the names of tools that ask for nothing.
_FILLERS = {"get", "set", "the", "my", "tool", "function", "do", "run", "of", "and", "for", "with", "in", "to", "a"}


def obliging(body: Json) -> str | AIMessage:
    """Do what a request for a completion asks: call tools, write JSON, pass on the results of tools, or chat."""
    if calls := call_tools(body):
        return AIMessage("", tool_calls=calls)
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return _write(fill(schema, Facts.read(find_question(body))))
        case {"type": "json_object"}:
            return _write(describe_by_keys(body))
    if results := find_results(body):
        return f"The result is: {' and '.join(results)}"
    return f"You said: {shorten(find_question(body), 200)} - and I am glad to help."


# what is asked ---------------------------------------------------------------------------------------------


def text_of(message: Json) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def find_question(body: Json) -> str:
    """The last words of the user."""
    return next((text_of(m) for m in reversed(body["messages"]) if m["role"] == "user"), "")


def find_results(body: Json) -> list[str]:
    """The results of tools that nobody has answered to."""
    return [text_of(m) for m in takewhile(lambda m: m["role"] == "tool", reversed(body["messages"]))][::-1]


# tools -----------------------------------------------------------------------------------------------------


def call_tools(body: Json) -> list[ToolCall]:
    """The calls that the question asks for, or that `tool_choice` forces."""
    tools = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in body.get("tools") or ()}
    choice = body.get("tool_choice") or "auto"
    forced = choice not in ("auto", "none")
    if choice == "none" or not tools or (find_results(body) and not forced):
        return []
    if isinstance(choice, dict):
        tools = {choice["function"]["name"]: tools[choice["function"]["name"]]}
    question = find_question(body)
    calls = list(find_written_calls(tools, question)) or list(ask_for_calls(tools, question, forced=forced))
    alone = isinstance(choice, dict) or body.get("parallel_tool_calls") is False
    return calls[:1] if alone else calls


def find_written_calls(tools: dict[str, Json], question: str) -> Iterator[ToolCall]:
    """The calls that are written out in the question, such as `add(1, 2)`."""
    names = "|".join(map(re.escape, tools))
    for match in re.finditer(rf"\b({names})\(([^()]*)\)", question):
        name, inside = match.groups()
        yield tool_call(name=name, args=fill(tools[name], Facts.read(inside)), id=None)


def ask_for_calls(tools: dict[str, Json], question: str, *, forced: bool) -> Iterator[ToolCall]:
    """Call what the question is about, once, or once for each of several things named in it."""
    wanted = forced or re.search(r"\b(use|using|call)\b.*\btools?\b", question, re.IGNORECASE)
    about = [name for name in tools if is_about(name, question)] or list(tools)[: 1 if wanted else 0]
    for name in about:
        facts = Facts.read(question)
        yield tool_call(name=name, args=fill(tools[name], facts), id=None)
        while " and " in question and has_more(tools[name], facts):
            yield tool_call(name=name, args=fill(tools[name], facts), id=None)


def is_about(name: str, question: str) -> bool:
    """Whether a question has a word of a tool's name, `get_weather` or `getWeather`."""
    if re.search(rf"\b{re.escape(name)}\b", question):
        return True
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
    return bool((words - _FILLERS) & set(re.findall(r"\w+", question.lower())))


# JSON mode -------------------------------------------------------------------------------------------------


def describe_by_keys(body: Json) -> Json:
    """Fill the schema written in a message, else the keys that the question quotes, else one key."""
    for message in reversed(body["messages"]):
        text = text_of(message)
        if found := list(find_schemas(text)):
            schema, source = found[-1]
            return fill(schema, Facts.read(find_question(body).replace(source, "")))
    question = find_question(body)
    keys = re.findall(r"""(?<!\w)['"`]([A-Za-z_]\w*)['"`](?!\w)""", question) or ["answer"]
    schema = {"type": "object", "properties": {key: {"type": "string"} for key in keys}, "required": keys}
    return fill(schema, Facts.read(question, but=keys))


def find_schemas(text: str) -> Iterator[tuple[Json, str]]:
    """The JSON schemas of objects in a text, each with its source."""
    decoder, place = json.JSONDecoder(), text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except ValueError:
            end = place + 1
        else:
            if is_schema(value):
                yield value, text[place:end]
        place = text.find("{", end)


def is_schema(value: Json) -> bool:
    parts = value.get("properties", {})
    return "$ref" in value or (isinstance(parts, dict) and any(isinstance(part, dict) for part in parts.values()))


def _write(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
