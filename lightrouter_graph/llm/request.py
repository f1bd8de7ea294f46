"""`Request`: tools, output schema and parameters that every candidate receives, and validation of its responses."""

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from lightrouter_graph.answer_keys import AnswerKey, canonical_object, canonical_tool_calls
from lightrouter_graph.errors import PoolError, QueryError
from lightrouter_graph.llm.output_schema import OutputSchema, read_json, schema_of
from lightrouter_graph.llm.tool_calls import tool_call_message_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.providers.model_facts import no_tool_choice
from lightrouter_graph.records import Failure, ToolCallMessage

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
"""A tool in any form that LangChain accepts: a `@tool`, function, pydantic class, or dict in OpenAI's format."""

ResponseFormat = type | Mapping[str, Any]
"""Format of a response: a pydantic class, a `TypedDict`, a JSON schema, or OpenAI's `response_format`."""

_UNSERIALIZABLE = "(invalid Unicode, nested too deep, or an integer of more than 64 bits)"
_STATE_DEPTH = 32
"""Levels of a state around a tool call, with a margin: a checkpoint limits the depth of what it stores."""


@dataclass(frozen=True, slots=True)
class Request:
    """Tools, formats and parameters of one run, equal for all candidates; `make_request` describes the others.

    Attributes:
        tools: The tools in OpenAI's format; built-in tools of a provider are unchanged.
        tool_choice: None, "auto", "any", "none" or the name of the one tool to call.
        schema: Schema of the text of a response.
        structured: Schema of the arguments of the tool call, if the tools are a structured output.
        extra_body: Further fields of the request body, for the models with an OpenAI-compatible API.
    """

    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    schema: OutputSchema | None = None
    structured: OutputSchema | None = None
    stop: tuple[str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extras(self) -> list[Mapping[str, Any]]:
        """The tools and the JSON schema that are sent with the messages."""
        return [*self.tools, *([self.schema.schema] if self.schema is not None else [])]

    @property
    def wants_object(self) -> bool:
        """True if the answer is an object, which is selected by a vote and never merged as text."""
        return self.schema is not None or self.structured is not None

    @property
    def may_call(self) -> bool:
        """True if a response may call tools."""
        return bool(self.tools) and self.tool_choice != "none"

    @property
    def must_call(self) -> bool:
        """True if a response without a tool call is invalid."""
        return self.may_call and (self.structured is not None or self.tool_choice not in {None, "auto"})

    @property
    def continues(self) -> bool:
        """True if a boot can be continued: tool calls and constrained JSON cannot, they are generated in one call."""
        return not self.tools and self.schema is None

    def without_calls(self) -> "Request":
        """Return the request for a text response: tools stay declared, since the history may contain tool calls."""
        choice = "none" if self.tools else None
        return replace(self, tool_choice=choice, parallel_tool_calls=None, schema=None, structured=None)

    def bind_to(self, model: BaseChatModel) -> Any:
        """Return the model with the tools bound; the model itself if there are none."""
        if not self.tools:
            return model
        choice = no_tool_choice(model) if self.tool_choice == "none" else self.tool_choice
        options: dict[str, Any] = {} if choice is None else {"tool_choice": choice}
        # Some clients raise on unknown arguments: for them only the response is validated.
        if self.parallel_tool_calls is not None and "parallel_tool_calls" in signature(model.bind_tools).parameters:
            options["parallel_tool_calls"] = self.parallel_tool_calls
        return model.bind_tools(deepcopy([dict(tool) for tool in self.tools]), **options)

    def failure_of(self, message: AIMessage) -> Failure | None:
        """Return the failure of a response with invalid tool calls or text; None if it is valid.

        Args:
            message: A response that is not truncated.
        """
        problem = (self.may_call and self._problem_with_calls(message)) or self._problem_with_text(message)
        return {"cause": "invalid", "message": problem} if problem else None

    def accepts(self, text: str, tool_call_message: ToolCallMessage | None) -> bool:
        """Return True if an answer that was not validated yet, such as a draft, has the requested format.

        Args:
            text: Text of the answer.
            tool_call_message: The message of an answer that calls tools.
        """
        if self.must_call:
            return tool_call_message is not None
        return self.schema is None or not self._problem_with_text(AIMessage(text))

    def key_of(
        self, text: str, tool_call_message: ToolCallMessage | None, question: str, key: AnswerKey, *, finished: bool
    ) -> str | None:
        """Return the answer key of a response; equal keys are equal answers.

        Args:
            text: Text of the response.
            tool_call_message: The message of a response that calls tools.
            question: Text of the question.
            key: Answer key function for texts.
            finished: True if the response is complete.

        Returns:
            The key; None if the response cannot be compared.
        """
        if tool_call_message is not None:
            calls: list[Mapping[str, Any]] = [{**call} for call in tool_call_message["tool_calls"]]
            if self.structured is not None:
                calls = [{**call, "args": self.structured.with_defaults(call["args"])} for call in calls]
            return canonical_tool_calls(calls)
        if self.schema is None:
            return key(text, question, finished=finished)
        try:
            return canonical_object(self.schema.with_defaults(read_json(text))) if finished else None
        except ValueError:
            return None

    def extract_object(self, text: str) -> str:
        """Return the text of a valid response; with a schema, the JSON object without the text around it."""
        if self.schema is None:
            return text
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return json.dumps(read_json(text), ensure_ascii=False)
        return text

    def _problem_with_calls(self, message: AIMessage) -> str:
        if message.invalid_tool_calls:
            return f"the arguments of {message.invalid_tool_calls[0]['name']} are not JSON"
        calls = message.tool_calls
        if self.must_call and not calls:
            if self.structured is None:
                return "it calls no tool"
            return f"it does not call {self.structured.name!r} (use method='json_schema' to request text)"
        if self.parallel_tool_calls is False and len(calls) > 1:
            return f"it makes {len(calls)} tool calls, and parallel_tool_calls is False"
        problem = next((problem for call in calls if (problem := self._problem_with_call(call))), "")
        if not problem and not _is_serializable(tool_call_message_of(message)):
            return f"the content or an id of its tool calls is not serializable {_UNSERIALIZABLE}"
        return problem

    def _problem_with_call(self, call: ToolCall) -> str:
        name, names = call["name"], [_name_of(tool) for tool in self.tools]
        if name not in names:
            return f"it calls {name!r}; the tools are {', '.join(names)}"
        if self.tool_choice in names and name != self.tool_choice:
            return f"it calls {name!r}, not {self.tool_choice!r}"
        if not _is_serializable(call["args"]):
            return f"the arguments of {name} are not serializable {_UNSERIALIZABLE}"
        problem = "" if self.structured is None else self.structured.validation_error(call["args"])
        return f"{name}: {problem}" if problem else ""

    def _problem_with_text(self, message: AIMessage) -> str:
        if self.schema is None or (message.tool_calls and self.may_call):
            return ""
        try:
            return self.schema.validation_error(read_json(str(message.text)))
        except ValueError:
            return "it is not JSON"


PLAIN = Request()
"""A request for text, without tools or schema."""


def make_request(
    *,
    tools: Sequence[Tool] = (),
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    parallel_tool_calls: bool | None = None,
    response_format: ResponseFormat | None = None,
    structured: ResponseFormat | bool | None = None,
    stop: Sequence[str] | None = None,
    sampling: Mapping[str, Any] | None = None,
    extra_body: Mapping[str, Any] | None = None,
) -> Request:
    """Build a request from arguments in any format that LangChain and OpenAI accept.

    Args:
        tools: The tools that every candidate may call.
        tool_choice: "auto", "any" or "required", "none", a tool name, OpenAI's dict, or True for the only tool.
        parallel_tool_calls: Allow several tool calls in one response; None for the provider's default.
        response_format: Format of the text of a response.
        structured: Format of the arguments of the one tool call; True takes the parameters of the first tool.
        stop: Texts that end a response.
        sampling: Sampling parameters; None values are left out.
        extra_body: Further fields of the request body, for the models with an OpenAI-compatible API.

    Raises:
        QueryError: If a tool, choice or format is invalid; the message names it.
    """
    shapes = tuple(_tool_shape(tool) for tool in tools)
    if structured and not shapes:
        raise QueryError("structured output needs a tool: pass the tool whose arguments are the output")
    if structured is True:
        structured = shapes[0]
    return Request(
        tools=shapes,
        tool_choice=_choice(tool_choice, shapes),
        parallel_tool_calls=parallel_tool_calls if shapes else None,
        schema=None if response_format is None else schema_of(response_format),
        structured=schema_of(structured) if structured and shapes else None,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        sampling={name: value for name, value in (sampling or {}).items() if value is not None},
        extra_body=dict(extra_body or {}),
    )


def check_pool(request: Request, pool: Pool) -> None:
    """Raise `PoolError` if the request has tools and the model of a candidate has no `bind_tools`."""
    unable = [c.name for c in pool if type(c.model).bind_tools is BaseChatModel.bind_tools]
    if request.tools and unable:
        raise PoolError(f"tools are bound, but these candidates cannot call any (no bind_tools): {', '.join(unable)}")


def _tool_shape(tool: Tool) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and tool.get("type") not in {None, "function", "object"}:
        return {**tool}  # a built-in tool of a provider, such as web search
    try:
        return convert_to_openai_tool(tool)
    except (ValueError, TypeError) as exc:
        msg = f"a tool must be a function, a @tool, a class or a dict in OpenAI's format, got {tool!r}: {exc}"
        raise QueryError(msg) from exc


def _choice(choice: str | bool | Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]) -> str | None:
    """Reduce the formats of a tool choice to the values that every LangChain model accepts."""
    names = [_name_of(tool) for tool in tools]
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        choice = (inner if isinstance(inner, Mapping) else choice).get("name") or inner or choice.get("type")
    if choice is None or choice is False or (choice in {"auto", "none"} and not tools):
        return None
    if choice is True and len(names) == 1:
        return names[0]
    value = "any" if choice is True or choice == "required" else str(choice)
    if value not in names and (value not in {"auto", "none", "any"} or not tools):
        msg = f"tool_choice = {choice!r}: it must be auto, any, none or one of the tools ({', '.join(names) or 'none'})"
        raise QueryError(msg)
    return value


def _name_of(tool: Mapping[str, Any]) -> str:
    """Return the name of a tool; a built-in tool of a provider may only have a type."""
    return str((tool.get("function") or tool).get("name") or tool.get("type"))


def _is_serializable(value: Any) -> bool:
    """Return True if a checkpoint can store the value inside of a state, and a server can send it."""
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
        for _ in range(_STATE_DEPTH):
            value = [value]
        JsonPlusSerializer().dumps_typed(value)
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError):
        return False
    return True
