"""The response of a recorded model to one request: one delta per token, cut to the limit, with its timing."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from langchain_core.messages import AIMessage
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage
from openai.types.chat.chat_completion import Choice
from openai.types.completion_usage import CompletionTokensDetails

from lightrouter_graph.errors import checked_choices
from lightrouter_graph.testing.server.behaviours import ServerBehaviour
from lightrouter_graph.testing.server.billing import Kind
from lightrouter_graph.testing.server.completion_request import CompletionRequest, Json
from lightrouter_graph.testing.timing import Timing
from lightrouter_graph.testing.tokens import arguments_json, count_tokens, split_tokens

CandidateReply: TypeAlias = str | AIMessage
"""Reply of a model: its text, or a message with tool calls or a `finish_reason` in `response_metadata`."""


@checked_choices()
@dataclass(frozen=True)
class TimedResponse:
    """Response to one request.

    Attributes:
        call_id: Id of the completion.
        model: Name of the model.
        kind: Whether the response continues an assistant message.
        deltas: JSON of one `ChoiceDelta` per output token; None for tokens that a stream does not show.
        finish_reason: Any string; the API itself has five.
        usage: Token counts.
        timing: When each token is due.
        created: Unix time in seconds.
    """

    call_id: str
    model: str
    kind: Kind
    deltas: Sequence[Json | None]
    finish_reason: str
    usage: CompletionUsage
    timing: Timing
    created: int = field(default_factory=lambda: int(time.time()))

    @property
    def duration_s(self) -> float:
        """Seconds from the request to the last token."""
        return self.timing.due_s(max(0, len(self.deltas) - 1))

    def completion(self) -> Json:
        """Return the JSON of the plain response."""
        choice = Choice(index=0, message=merge_deltas(self.deltas), logprobs=None, finish_reason="stop")
        choice.finish_reason = self.finish_reason  # type: ignore[assignment]  # tests may use any string
        completion = ChatCompletion(object="chat.completion", choices=[choice], usage=self.usage, **self._head)
        return completion.to_dict(warnings=False)

    def first_chunk(self) -> Json:
        """Return the JSON of the chunk with the role."""
        opening = next(filter(None, self.deltas), None)
        opens_with_text = opening is None or "content" in opening
        return self.chunk({"role": "assistant", "content": "" if opens_with_text else None})

    def last_chunks(self, *, include_usage: bool) -> list[Json]:
        """Return the JSON of the chunks that end a stream.

        Args:
            include_usage: Whether a chunk of token counts follows the one with the finish reason.
        """
        usage = [{**self._chunk, "usage": self.usage.to_dict()}] if include_usage else []
        return [self.chunk({}, self.finish_reason), *usage]

    def chunk(self, delta: Json, finish_reason: str | None = None) -> Json:
        """Return the JSON of one chunk.

        Args:
            delta: What the chunk adds to the message.
            finish_reason: None for all chunks but the one that ends the message.
        """
        return {**self._chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    @cached_property
    def _chunk(self) -> Json:
        # Validated once: one model per token would halve the speed of a stream.
        return ChatCompletionChunk(object="chat.completion.chunk", choices=[], **self._head).to_dict()

    @property
    def _head(self) -> Json:
        return {"id": self.call_id, "created": self.created, "model": self.model}


def make_response(
    request: CompletionRequest,
    reply: CandidateReply,
    behaviour: ServerBehaviour,
    timing: Timing,
    *,
    call_id: str,
    input_tokens: int,
) -> TimedResponse:
    """Apply prefix, stop sequences and token limit of a request to a reply, in this order.

    A stop sequence ends the text before it and drops the tool calls; a limit may cut the arguments of a tool call.
    Reasoning tokens come first and count towards the limit.

    Args:
        request: The request.
        reply: The whole reply of the model.
        behaviour: How the model treats prefix, limit and reasoning.
        timing: When each token is due.
        call_id: Id of the completion.
        input_tokens: Tokens of the prompt, for the usage.

    Raises:
        ApiError: If the model refuses the request (status 400).
    """
    limit = behaviour.limit(request)
    message = reply if isinstance(reply, AIMessage) else AIMessage(reply)
    rest, kind = behaviour.continue_prefix(str(message.text), request.prefix)
    text = cut_at(rest, request.stop_sequences)
    stopped = len(text) < len(rest)
    reasoning = list(behaviour.reasoning.deltas(request.body)) if behaviour.reasoning else []
    deltas = [*reasoning, *(text_deltas(text) if stopped else make_deltas(message, text, call_id))]
    fits = limit is None or len(deltas) <= limit
    return TimedResponse(
        call_id=call_id,
        model=request.model,
        kind=kind,
        deltas=deltas[:limit],
        finish_reason=_finish_reason(message, stopped=stopped) if fits else "length",
        usage=_usage(input_tokens, len(deltas[:limit]), len(reasoning[:limit])),
        timing=timing,
    )


def cut_at(text: str, stops: Sequence[str]) -> str:
    """Return the text before the first stop sequence.

    Args:
        text: The text.
        stops: Non-empty stop sequences; none or more.
    """
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=None)]


def make_deltas(message: AIMessage, text: str, call_id: str) -> list[Json | None]:
    """Split a text and the tool calls of a message into deltas, one per token.

    A stream sends a tool name in one piece, with the last token of the name; the tokens before it are None.

    Args:
        message: Message with the tool calls. Invalid tool calls come last, their arguments unchanged.
        text: Text that comes before the tool calls.
        call_id: Prefix of the ids of tool calls that have none.
    """
    deltas: list[Json | None] = list(text_deltas(text))
    for index, (given_id, name, arguments) in enumerate(_tool_calls(message)):
        head = {"id": given_id or f"{call_id}-call-{index}", "type": "function"}
        deltas += [None] * (count_tokens(name) - 1)
        deltas.append(_call_delta(index, {"name": name, "arguments": ""}, head))
        deltas += (_call_delta(index, {"arguments": token}) for token in split_tokens(arguments))
    return deltas


def text_deltas(text: str) -> Iterator[Json]:
    """Split a text into deltas, one per token.

    Args:
        text: Text of the whole response.
    """
    return ({"content": token} for token in split_tokens(text))


def merge_deltas(deltas: Iterable[Json | None]) -> ChatCompletionMessage:
    """Concatenate deltas into a message.

    Args:
        deltas: Deltas of `make_deltas`, the last ones possibly missing; None entries are ignored.
    """
    shown = [delta for delta in deltas if delta is not None]
    content = "".join(delta.get("content", "") for delta in shown)
    reasoning = "".join(delta.get("reasoning_content", "") for delta in shown)
    calls: list[Json] = []
    for part in (part for delta in shown for part in delta.get("tool_calls", ())):
        if "id" in part:
            calls.append({"id": part["id"], "type": part["type"], "function": dict(part["function"])})
        else:
            calls[part["index"]]["function"]["arguments"] += part["function"]["arguments"]
    fields: Json = {"content": content or None, "tool_calls": calls} if calls else {"content": content}
    if reasoning:
        fields["reasoning_content"] = reasoning
    return ChatCompletionMessage(role="assistant", refusal=None, **fields)


def _finish_reason(message: AIMessage, *, stopped: bool) -> str:
    if stopped:
        return "stop"
    default = "tool_calls" if message.tool_calls or message.invalid_tool_calls else "stop"
    return str(message.response_metadata.get("finish_reason") or default)


def _usage(input_tokens: int, output_tokens: int, reasoning_tokens: int) -> CompletionUsage:
    total = input_tokens + output_tokens
    usage = CompletionUsage(prompt_tokens=input_tokens, completion_tokens=output_tokens, total_tokens=total)
    if reasoning_tokens:
        usage.completion_tokens_details = CompletionTokensDetails(reasoning_tokens=reasoning_tokens)
    return usage


def _tool_calls(message: AIMessage) -> Iterator[tuple[str | None, str, str]]:
    yield from ((call["id"], call["name"], arguments_json(call["args"])) for call in message.tool_calls)
    yield from ((call["id"], call["name"] or "", call["args"] or "") for call in message.invalid_tool_calls)


def _call_delta(index: int, function: Mapping[str, str], head: Mapping[str, str] | None = None) -> Json:
    return {"tool_calls": [{"index": index, **(head or {}), "function": function}]}
