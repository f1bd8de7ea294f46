"""`Request`: what goes to every candidate beside the conversation, and what its reply must then be like."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from lightrouter_graph.answer_keys import AnswerKey, canonical_object, canonical_tool_calls
from lightrouter_graph.errors import PoolError, QueryError
from lightrouter_graph.llm.output_schema import OutputSchema, read_json, schema_of
from lightrouter_graph.pool import Pool
from lightrouter_graph.providers.model_facts import no_tool_choice
from lightrouter_graph.records import Failure, ToolCallMessage

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
"""A tool in any form LangChain takes: a `@tool`, a function, a pydantic class, a dict in OpenAI's shape."""

ResponseFormat = type | Mapping[str, Any]
"""What a reply must look like: a pydantic class, a `TypedDict`, a JSON schema, or OpenAI's `response_format`."""


@dataclass(frozen=True, slots=True)
class Request:
    """What every candidate is given and held to in one run.

    Attributes:
        tools: The tools it may call, in OpenAI's shape, or a provider's own as they are.
        tool_choice: None, "auto", "any", "none" or the name of the one tool to call.
        parallel_tool_calls: Whether it may call several at once; None for the provider's default.
        schema: What the text of a reply must fit.
        structured: What the arguments of the one call must fit, where tools stand for a structured output.
        stop: Texts that end a reply.
        sampling: Sampling parameters laid over those of the models, such as `temperature`.
    """

    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    schema: OutputSchema | None = None
    structured: OutputSchema | None = None
    stop: tuple[str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)

    @property
    def extras(self) -> list[Mapping[str, Any]]:
        """The tools and the JSON schema that are sent with the messages."""
        return [*self.tools, *([self.schema.schema] if self.schema is not None else [])]

    @property
    def wants_object(self) -> bool:
        """Whether the answer is an object to be voted on as one, and not a text to be merged."""
        return self.schema is not None or self.structured is not None

    @property
    def may_call(self) -> bool:
        """Whether a reply may call tools."""
        return bool(self.tools) and self.tool_choice != "none"

    @property
    def must_call(self) -> bool:
        """Whether a reply in words alone is none."""
        return self.may_call and (self.structured is not None or self.tool_choice not in {None, "auto"})

    @property
    def continues(self) -> bool:
        """Whether a boot may be continued: tool calls and constrained JSON are always written in one go."""
        return not self.tools and self.schema is None

    def without_calls(self) -> "Request":
        """Return the same request for a reply in words: the tools stay known, so that a history of calls is legal."""
        choice = "none" if self.tools else None
        return Request(tools=self.tools, tool_choice=choice, stop=self.stop, sampling=self.sampling)

    def bind_to(self, model: BaseChatModel) -> Any:
        """Return the model with the tools bound; the model itself where there is none."""
        if not self.tools:
            return model
        choice = no_tool_choice(model) if self.tool_choice == "none" else self.tool_choice
        options: dict[str, Any] = {} if choice is None else {"tool_choice": choice}
        # Some clients refuse an argument they do not know: there only the replies can be held to it.
        if self.parallel_tool_calls is not None and _takes(model.bind_tools, "parallel_tool_calls"):
            options["parallel_tool_calls"] = self.parallel_tool_calls
        return model.bind_tools(deepcopy([dict(tool) for tool in self.tools]), **options)

    def failure_of(self, message: AIMessage) -> Failure | None:
        """Say what is wrong with a reply that ended by itself; None where it fits."""
        problem = self._problem_with_calls(message) if self.may_call else ""
        problem = problem or self._problem_with_text(message)
        return {"cause": "invalid", "message": problem} if problem else None

    def accepts(self, text: str, tool_call_message: ToolCallMessage | None) -> bool:
        """Whether an answer that was never checked, such as a draft, is of the form that was asked for."""
        if self.must_call:
            return tool_call_message is not None
        return self.schema is None or not self._problem_with_text(AIMessage(text))

    def key_of(
        self, text: str, tool_call_message: ToolCallMessage | None, question: str, key: AnswerKey, *, finished: bool
    ) -> str | None:
        """Return what a reply is compared by; None where there is nothing to compare.

        Args:
            text: The text of the reply.
            tool_call_message: The reply, where it calls tools.
            question: What was asked.
            key: How texts are compared.
            finished: Whether the reply is whole.
        """
        if tool_call_message is not None:
            return canonical_tool_calls([self._filled(call) for call in tool_call_message["tool_calls"]])
        if self.schema is None:
            return key(text, question, finished=finished)
        try:
            return canonical_object(self.schema.with_defaults(read_json(text))) if finished else None
        except ValueError:
            return None

    def extract_object(self, text: str) -> str:
        """Return the text of a reply; where an object was asked for, the object without what stood around it."""
        if self.schema is None:
            return text
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return json.dumps(read_json(text), ensure_ascii=False)
        return text

    def _filled(self, call: ToolCall) -> Mapping[str, Any]:
        if self.structured is None:
            return {**call}
        return {**call, "args": self.structured.with_defaults(call["args"])}

    def _problem_with_calls(self, message: AIMessage) -> str:
        if message.invalid_tool_calls:
            return f"the arguments of {message.invalid_tool_calls[0]['name']} are not JSON"
        calls = message.tool_calls
        if self.must_call and not calls:
            if self.structured is not None:
                return f"it does not call {self.structured.name!r} (method='json_schema' would ask it for text)"
            return "it calls no tool"
        if self.parallel_tool_calls is False and len(calls) > 1:
            return f"it makes {len(calls)} calls at once"
        if calls and not _can_be_written([message.content, message.additional_kwargs]):
            return "what stands beside its calls cannot be written down (half a character, or nested too deep)"
        return next((problem for call in calls if (problem := self._problem_with_call(call))), "")

    def _problem_with_call(self, call: ToolCall) -> str:
        name, names = call["name"], [_name_of(tool) for tool in self.tools]
        if name not in names:
            return f"it calls {name!r}; there are {', '.join(names)}"
        if self.tool_choice in names and name != self.tool_choice:
            return f"it calls {name!r}, not {self.tool_choice!r}"
        if not _can_be_written(call["args"]):
            return f"the arguments of {name} cannot be written down (half a character, or nested too deep)"
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
"""A request for words, with nothing bound."""


def make_request(
    *,
    tools: Sequence[Tool] = (),
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    parallel_tool_calls: bool | None = None,
    response_format: ResponseFormat | None = None,
    structured: ResponseFormat | bool | None = None,
    stop: Sequence[str] | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Request:
    """Bring what a user asks for into one form.

    Raises:
        QueryError: If a tool, a choice or a format cannot be read; the message names it.
    """
    shapes = tuple(_tool_shape(tool) for tool in tools)
    if structured and not shapes:
        raise QueryError("a structured output needs the tool that stands for it")
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
    )


def check_pool(request: Request, pool: Pool) -> None:
    """See that every candidate can be asked.

    Raises:
        PoolError: If tools are offered and the model of a candidate takes none.
    """
    unable = [c.name for c in pool if type(c.model).bind_tools is BaseChatModel.bind_tools]
    if request.tools and unable:
        msg = f"tools are bound, but these candidates cannot call any (no bind_tools): {', '.join(unable)}"
        raise PoolError(msg)


def _tool_shape(tool: Tool) -> Mapping[str, Any]:
    if isinstance(tool, Mapping) and tool.get("type") not in {None, "function", "object"}:
        return {**tool}  # a provider's own, such as a web search
    try:
        return convert_to_openai_tool(tool)
    except (ValueError, TypeError) as exc:
        msg = f"a tool must be a function, a @tool, a class or a dict in OpenAI's shape, got {tool!r}: {exc}"
        raise QueryError(msg) from exc


def _choice(choice: str | bool | Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]) -> str | None:
    """Reduce the many forms of a choice to the words every LangChain model understands."""
    names = [_name_of(tool) for tool in tools]
    if isinstance(choice, Mapping):
        inner = choice.get("function")
        choice = (inner if isinstance(inner, Mapping) else choice).get("name") or inner or choice.get("type")
    if choice is None or choice is False or (choice in {"auto", "none"} and not tools):
        return None
    if choice is True and len(names) == 1:
        return names[0]
    word = "any" if choice is True or choice == "required" else str(choice)
    if word not in names and (word not in {"auto", "none", "any"} or not tools):
        msg = f"tool_choice = {choice!r}: it must be auto, any, none or one of the tools ({', '.join(names) or 'none'})"
        raise QueryError(msg)
    return word


def _name_of(tool: Mapping[str, Any]) -> str:
    """A provider's own tool goes by its name where it has one, else by its type."""
    return str((tool.get("function") or tool).get("name") or tool.get("type"))


def _takes(call: Callable[..., Any], argument: str) -> bool:
    return argument in inspect.signature(call).parameters


def _can_be_written(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True
