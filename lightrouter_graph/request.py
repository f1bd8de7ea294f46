"""`Request`: what goes to every candidate beside the conversation, and what its reply must then be like."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolCall
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema, convert_to_openai_tool
from langchain_core.utils.json import parse_json_markdown

from lightrouter_graph.answers import AnswerKey, canonical_object, canonical_tool_calls
from lightrouter_graph.errors import PoolError, QueryError
from lightrouter_graph.pool import Pool
from lightrouter_graph.providers.model_facts import no_tool_choice
from lightrouter_graph.records import Failure, Proposal

Tool = Mapping[str, Any] | type | Callable[..., Any] | BaseTool
"""A tool in any form LangChain takes: a `@tool`, a function, a pydantic class, a dict in OpenAI's shape."""

ResponseFormat = type | Mapping[str, Any]
"""What a reply must look like: a pydantic class, a `TypedDict`, a JSON schema, or OpenAI's `response_format`."""


@dataclass(frozen=True, slots=True)
class OutputSchema:
    """A JSON schema that a reply's text must fit; an empty one takes any JSON object.

    Attributes:
        name: What the object is called.
        schema: What it must be like.
        told: Whether the conversation says so already, as in OpenAI's JSON mode: the models are asked for JSON alone.
    """

    name: str
    schema: Mapping[str, Any]
    told: bool = False

    @property
    def is_free(self) -> bool:
        """Whether the models are asked for any JSON object."""
        return self.told or not self.schema


@dataclass(frozen=True, slots=True)
class Request:
    """What every candidate is given and held to in one run.

    Attributes:
        tools: The tools it may call, in OpenAI's shape.
        tool_choice: None, "auto", "any", "none" or the name of the one tool to call.
        parallel_tool_calls: Whether it may call several at once; None for the provider's default.
        schema: What the text of a reply must fit.
        structured: Whether the tools stand for a structured output: then calls must fit their tool's schema too.
        stop: Texts that end a reply.
        sampling: Sampling parameters laid over those of the models, such as `temperature`.
    """

    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | None = None
    parallel_tool_calls: bool | None = None
    schema: OutputSchema | None = None
    structured: bool = False
    stop: tuple[str, ...] = ()
    sampling: Mapping[str, Any] = field(default_factory=dict)

    @property
    def wants_object(self) -> bool:
        """Whether the answer is an object to be voted on as one, and not a text to be merged."""
        return self.schema is not None or self.structured

    @property
    def continues(self) -> bool:
        """Whether a boot may be continued: tool calls and constrained JSON are always written in one go."""
        return not self.tools and self.schema is None

    def without_calls(self) -> "Request":
        """Return the same request for a reply in words: the tools stay known, so that a history of calls is legal."""
        return Request(tools=self.tools, tool_choice="none" if self.tools else None, sampling=self.sampling)

    def bind_to(self, model: BaseChatModel) -> Any:
        """Return the model with the tools bound; the model itself where there is none."""
        if not self.tools:
            return model
        options: dict[str, Any] = {}
        if self.tool_choice is not None:
            options["tool_choice"] = no_tool_choice(model) if self.tool_choice == "none" else self.tool_choice
        if self.parallel_tool_calls is not None:
            options["parallel_tool_calls"] = self.parallel_tool_calls
        return model.bind_tools([dict(tool) for tool in self.tools], **options)

    def failure_of(self, message: AIMessage) -> Failure | None:
        """Say what is wrong with a reply that ended by itself; None where it fits."""
        problem = self._problem_with_calls(message) or self._problem_with_text(message)
        return {"cause": "invalid", "message": problem} if problem else None

    def accepts(self, value: Mapping[str, Any]) -> bool:
        """Whether an object fits the structured output that was asked for."""
        if self.schema is not None:
            return not _misfit(value, self.schema.schema)
        return bool(self.tools) and not _misfit(value, _parameters_of(self.tools[0]))

    def comparable(
        self, text: str, proposal: Proposal | None, question: str, key: AnswerKey, *, finished: bool
    ) -> str | None:
        """Return what a reply is compared by; None where there is nothing to compare.

        Args:
            text: The text of the reply.
            proposal: The reply, where it calls tools.
            question: What was asked.
            key: How texts are compared.
            finished: Whether the reply is whole.
        """
        if proposal is not None:
            return canonical_tool_calls(proposal["tool_calls"])
        if self.schema is None:
            return key(text, question, finished=finished)
        return canonical_object(_read_json(text)) if finished else None

    def _problem_with_calls(self, message: AIMessage) -> str:
        if message.invalid_tool_calls:
            broken = message.invalid_tool_calls[0]
            return f"the arguments of {broken['name']} are not JSON"
        known = {name: tool for tool in self.tools if (name := _name_of(tool))}
        hosted = len(known) < len(self.tools)  # a provider's own tool has no name we could know
        for call in message.tool_calls:
            if call["name"] not in known and not hosted:
                return f"it calls {call['name']!r}; there are {', '.join(known) or 'no tools'}"
            if self.structured and (problem := _misfit(call["args"], _parameters_of(known[call["name"]]))):
                return f"{call['name']}: {problem}"
        return ""

    def _problem_with_text(self, message: AIMessage) -> str:
        if self.schema is None or message.tool_calls:
            return ""
        try:
            value = _read_json(str(message.text))
        except ValueError:
            return "it is not JSON"
        if not isinstance(value, dict) and not self.schema.schema:
            return "it is not a JSON object"
        return _misfit(value, self.schema.schema)


PLAIN = Request()
"""A request for words, with nothing bound."""


def make_request(
    *,
    tools: Sequence[Tool] = (),
    tool_choice: str | bool | Mapping[str, Any] | None = None,
    parallel_tool_calls: bool | None = None,
    response_format: ResponseFormat | None = None,
    structured: bool = False,
    stop: Sequence[str] | None = None,
    sampling: Mapping[str, Any] | None = None,
) -> Request:
    """Bring what a user asks for into one form.

    Raises:
        QueryError: If a tool, a choice or a format cannot be read; the message names it.
    """
    shapes = tuple(_tool_shape(tool) for tool in tools)
    return Request(
        tools=shapes,
        tool_choice=_choice(tool_choice, shapes),
        parallel_tool_calls=parallel_tool_calls if shapes else None,
        schema=None if response_format is None else _output_schema(response_format),
        structured=structured and bool(shapes),
        stop=_stops(stop),
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


def proposal_of(message: AIMessage) -> Proposal | None:
    """Return what of a reply the next turn needs, where it calls tools; else None."""
    if not message.tool_calls:
        return None
    calls = [ToolCall(name=c["name"], args=c["args"], id=c["id"], type="tool_call") for c in message.tool_calls]
    content = message.content
    return {
        "content": content if isinstance(content, str) else list(content),
        "tool_calls": calls,
        "additional_kwargs": {k: v for k, v in message.additional_kwargs.items() if k != "tool_calls"},
    }


def shown(text: str, proposal: Proposal | None) -> str:
    """Write a reply down for a reader who sees text alone: what it says, then what it calls."""
    if proposal is None:
        return text
    calls = [f"{call['name']}({json.dumps(call['args'], ensure_ascii=False)})" for call in proposal["tool_calls"]]
    return "\n".join([*([text] if text.strip() else []), *(f"[calls {call}]" for call in calls)])


def _tool_shape(tool: Tool) -> Mapping[str, Any]:
    try:
        return convert_to_openai_tool(tool)
    except (ValueError, TypeError) as exc:
        msg = f"a tool must be a function, a @tool, a class or a dict in OpenAI's shape, got {tool!r}: {exc}"
        raise QueryError(msg) from exc


def _choice(choice: str | bool | Mapping[str, Any] | None, tools: Sequence[Mapping[str, Any]]) -> str | None:
    """Reduce the many forms of a choice to the words every LangChain model understands."""
    names = [name for tool in tools if (name := _name_of(tool))]
    if isinstance(choice, Mapping):
        choice = choice.get("function", choice).get("name") or choice.get("type")
    if choice is None or choice is False or (choice in {"auto", "none"} and not tools):
        return None
    if choice is True:
        return names[0] if len(names) == 1 else "any"
    if choice in {"auto", "none", "any"}:
        return str(choice)
    if choice == "required":
        return "any"
    if choice not in names:
        msg = f"tool_choice = {choice!r}: it must be auto, any, none or one of the tools ({', '.join(names) or 'none'})"
        raise QueryError(msg)
    return str(choice)


def _output_schema(wanted: ResponseFormat) -> OutputSchema | None:
    if isinstance(wanted, Mapping):
        match wanted.get("type"):
            case "text":
                return None
            case "json_object":
                return _named(wanted.get("schema") or {}, "object", told=True)
            case "json_schema" if isinstance(described := wanted.get("json_schema"), Mapping):
                return _named(described.get("schema") or {}, described.get("name"))
    try:
        schema = convert_to_json_schema(wanted)  # type: ignore[arg-type]  # any mapping is a dict to it
    except (ValueError, TypeError, KeyError) as exc:
        msg = f"response_format must be a class, a JSON schema or OpenAI's response_format, got {wanted!r}: {exc}"
        raise QueryError(msg) from exc
    return _named(schema, schema.get("title"))


def _named(schema: Mapping[str, Any], name: str | None, *, told: bool = False) -> OutputSchema:
    try:
        jsonschema.validators.validator_for(schema).check_schema(dict(schema))
    except jsonschema.SchemaError as exc:
        msg = f"response_format is no JSON schema: {exc.message}"
        raise QueryError(msg) from None
    return OutputSchema(name or "answer", dict(schema), told)


def _stops(stop: Sequence[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _name_of(tool: Mapping[str, Any]) -> str | None:
    return (tool.get("function") or {}).get("name") if tool.get("type") == "function" else None


def _parameters_of(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = tool["function"].get("parameters") or {}
    return parameters


def _misfit(value: Any, schema: Mapping[str, Any]) -> str:
    error = jsonschema.validators.validator_for(schema)(schema)
    wrong: jsonschema.ValidationError | None = jsonschema.exceptions.best_match(error.iter_errors(value))
    if wrong is None:
        return ""
    where = f"{wrong.json_path[2:]}: " if wrong.path else ""
    return f"{where}{wrong.message}"[:_LONGEST]


def _read_json(text: str) -> Any:
    """Read a reply as JSON; models fence it even where they are told not to.

    Raises:
        ValueError: If it is none, or breaks off.
    """
    try:
        return json.loads(text)
    except ValueError:
        return parse_json_markdown(text, parser=json.loads)


_LONGEST = 200
