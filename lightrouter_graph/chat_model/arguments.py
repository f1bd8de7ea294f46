"""One call of `ChatLightRouter`: its arguments become a graph, the graph's stream becomes chunks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from lightrouter_graph.context import PARENT_KEY, Context
from lightrouter_graph.errors import BrokenStreamError, ContextError, PoolError, QueryError
from lightrouter_graph.graph import Parts, wire
from lightrouter_graph.llm.request import make_request
from lightrouter_graph.pool import Pool

DEFAULT, PAPER = "lightrouter", "lightrouter-paper"
"""The presets: the settings as given, and the paper's with what was given laid over them."""

_REQUEST = frozenset({"tools", "tool_choice", "parallel_tool_calls", "response_format", "structured"})
_SAMPLING = frozenset({"temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "reasoning_effort"})
_RANGES = {"temperature": (0, 2), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}
ARGUMENTS = frozenset({"model", "context", "timeout", *_REQUEST, *_SAMPLING, *Context.model_fields})
"""What a call takes besides messages and `stop`."""

_CORES = frozenset({"stream", "stream_usage"})
"""What LangChain passes to any model and what is so here anyway."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a chat model was built with."""

    pool: Pool
    parts: Parts
    context: Context
    model: str


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A call made ready: the compiled graph, and under which name it answers."""

    graph: Any
    model: str


def prepare(setup: Setup, stop: Sequence[str] | None, arguments: Mapping[str, Any]) -> ChatCall:
    """Read the arguments of one call.

    Args:
        setup: What the chat model was built with.
        stop: Texts that end a reply.
        arguments: `tools` and the like, sampling parameters, `context`, or any setting by its own name; `model` names
            a preset or one candidate, which then answers alone.

    Raises:
        QueryError: If an argument is unknown, or a tool or format cannot be read.
        ContextError: If a setting is not allowed.
        PoolError: If `model` is neither a preset nor a candidate.
    """
    unknown = arguments.keys() - ARGUMENTS - _CORES
    if unknown:
        raise QueryError(_unknown(sorted(unknown)))
    given = {name: value for name, value in arguments.items() if value is not None or name in Context.model_fields}
    _check_sampling(given)
    model = given.get("model", setup.model)
    request = make_request(
        **{name: given[name] for name in _REQUEST & given.keys()},
        stop=stop,
        sampling={name: given[name] for name in _SAMPLING & given.keys()},
    )
    graph = wire(pool_of(setup.pool, model), setup.parts, request, _context(setup.context, model, given))
    # Without the checkpointer of a graph around it: that would find the inner run again by its place in the node, and
    # give one question's answer, or its failure, for another's.
    return ChatCall(graph.compile(name="lightrouter", checkpointer=False), model)


def _unknown(names: Sequence[str]) -> str:
    known = sorted({*ARGUMENTS, "stop"} - {"structured"})
    near = get_close_matches(names[0], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    return f"unknown argument {', '.join(names)}; {hint}"


def _check_sampling(given: Mapping[str, Any]) -> None:
    for name, (low, high) in _RANGES.items():
        value = given.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise QueryError(f"{name} = {value!r}: it must be a number")
        if value is not None and not low <= value <= high:
            raise QueryError(f"{name} = {value!r}: it must be {low:g} to {high:g}")


def pool_of(pool: Pool, model: str) -> Pool:
    """Return the candidates that answer under a name: all of them under a preset, else the one of that name.

    Raises:
        PoolError: If there is no such name.
    """
    if model in {DEFAULT, PAPER}:
        return pool
    if model in pool.names:
        return Pool([pool[model]])
    msg = f"no model {model!r}; there are: {', '.join([DEFAULT, PAPER, *pool.names])}"
    raise PoolError(msg)


def _context(bound: Context, model: str, given: Mapping[str, Any]) -> Context:
    """Lay the settings of one call over those bound: first a whole context, then single ones."""
    base, whole = bound, given.get("context")
    if not isinstance(whole, Context | Mapping | None):
        raise ContextError(f"context must be a Context or a dict of its fields, got {type(whole).__name__}")
    if model == PAPER:
        base = Context.paper().overlaid(bound)
    single = {name: given[name] for name in Context.model_fields.keys() & given.keys()}
    if "timeout" in given:
        single["deadline_s"] = given["timeout"]
    return base.overlaid({PARENT_KEY: whole}).overlaid(single)


def answer_of(state: Mapping[str, Any], model: str) -> AIMessage:
    """Return the graph's answer as the chat model's own."""
    answer: AIMessage = state["messages"][-1]
    # The id is the caller's to give: two answers of one run must not have the same.
    return answer.model_copy(
        update={"id": None, "response_metadata": {**answer.response_metadata, "model_name": model}}
    )


class Chunks:
    """Turns what the graph streams into the chunks of one message.

    Text is passed on as it is written. Tool calls and all that is known only in the end (usage, decision) come last.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._said = ""
        self._writer: str | None = None
        self._broken = False
        self._state: Mapping[str, Any] = {}

    def take(self, part: Mapping[str, Any]) -> Iterator[ChatGenerationChunk]:
        """Take one part of the graph's stream, and give the chunk it makes, if any."""
        if part["type"] == "values":
            self._state = part["data"]
            return
        event = part["data"]
        ours = isinstance(event, Mapping) and event.get("type") == "lightrouter"  # parts of the user's may tell, too
        if not ours or event["event"] != "token":
            return
        self._broken = self._broken or bool(self._said and event["message_id"] != self._writer)
        self._writer = event["message_id"]
        if not self._broken:
            yield self._chunk(event["text"])

    def end(self) -> Iterator[ChatGenerationChunk]:
        """Give the rest of the message.

        Raises:
            BrokenStreamError: If what was streamed is not the beginning of the answer: its writer broke off.
        """
        answer = answer_of(self._state, self._model)
        text = str(answer.text)
        if self._broken or not text.startswith(self._said):
            raise BrokenStreamError(answer)
        if not self._said:
            yield self._chunk(answer.content)
        elif rest := [*_blocks_beside_text(answer)] or text[len(self._said) :]:
            yield self._chunk(rest)
        yield ChatGenerationChunk(message=_last(answer))

    def _chunk(self, content: str | list[str | dict[str, Any]]) -> ChatGenerationChunk:
        # The model's name comes on the first chunk alone: merged chunks add their strings up.
        named = {} if self._said else {"model_name": self._model}
        self._said += content if isinstance(content, str) else ""
        return ChatGenerationChunk(message=AIMessageChunk(content=content, response_metadata=named))


def _last(answer: AIMessage) -> AIMessageChunk:
    told = {name: value for name, value in answer.response_metadata.items() if name != "model_name"}
    return AIMessageChunk(
        content="",
        tool_call_chunks=[
            tool_call_chunk(
                name=call["name"], args=json.dumps(call["args"], ensure_ascii=False), id=call["id"], index=number
            )
            for number, call in enumerate(answer.tool_calls)
        ],
        additional_kwargs=answer.additional_kwargs,
        usage_metadata=answer.usage_metadata,
        response_metadata=told,
        chunk_position="last",
    )


def _blocks_beside_text(answer: AIMessage) -> list[str | dict[str, Any]]:
    return [] if isinstance(answer.content, str) else [block for block in answer.content if not _is_text(block)]


def _is_text(block: str | dict[str, Any]) -> bool:
    return isinstance(block, str) or block.get("type") == "text"
