"""Converts message chunks to chat completion chunks (server-sent events)."""

import time
from typing import Any

from langchain_core.messages import AIMessageChunk, ToolCallChunk
from langchain_core.messages.ai import UsageMetadata, add_usage
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.chat_completion_chunk import (
    Choice,
    ChoiceDelta,
    ChoiceDeltaToolCall,
    ChoiceDeltaToolCallFunction,
)

from lightrouter_graph.server.requests import ChatRequest
from lightrouter_graph.server.responses import (
    Decision,
    decision_field,
    decision_of,
    finish_reason,
    new_call_id,
    provider_reason,
    usage_of,
)
from lightrouter_graph.server.sse import event

DONE = event("[DONE]")


class ChunkWriter:
    """Encodes the chunks of one response and accumulates the data of its last events.

    Args:
        request: The request that the stream answers.
        completion_id: `id` of each chunk.

    Attributes:
        usage: Sum of the usage of all chunks; None if no chunk has one.
        decision: Decision record; None until a chunk has it.
    """

    def __init__(self, request: ChatRequest, completion_id: str) -> None:
        self.usage: UsageMetadata | None = None
        self.decision: Decision | None = None
        self._request = request
        self._common: dict[str, Any] = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": request.model,
        }
        self._calls = _ToolCallIndex()
        self._reason: str | None = None
        self._started = False

    def write(self, chunk: AIMessageChunk) -> bytes:
        """Encode a chunk as one or two events; empty if it has neither text nor tool calls.

        Args:
            chunk: Message chunk of the model's stream.
        """
        self._reason = provider_reason(chunk) or self._reason
        self.decision = decision_of(chunk) or self.decision
        if chunk.usage_metadata is not None:  # some providers report input tokens first and output tokens last
            self.usage = add_usage(self.usage, chunk.usage_metadata)
        delta: dict[str, Any] = {}
        if text := str(chunk.text):
            delta["content"] = text
        if chunk.tool_call_chunks:
            delta["tool_calls"] = [self._calls.write(part) for part in chunk.tool_call_chunks]
        return self._opening() + self._event(delta) if delta else b""

    def end(self) -> bytes:
        """Encode the finish reason, then the decision record and the usage if requested, and `[DONE]`."""
        reason = finish_reason(self._reason, has_calls=self._calls.any)
        events = self._opening() + self._event({}, reason, **decision_field(self.decision, self._request))
        if self._request.include_usage and self.usage is not None:
            events += event(self._chunk([], usage=usage_of(self.usage)))
        return events + DONE

    def _opening(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return self._event({"role": "assistant", "content": ""})

    def _event(self, delta: dict[str, Any], reason: Any = None, **fields: Any) -> bytes:
        choice = Choice(index=0, delta=ChoiceDelta(**delta), logprobs=None, finish_reason=reason)
        return event(self._chunk([choice], **({"usage": None} if self._request.include_usage else {}), **fields))

    def _chunk(self, choices: list[Choice], **fields: Any) -> str:
        return ChatCompletionChunk(**self._common, choices=choices, **fields).model_dump_json(exclude_unset=True)


class _ToolCallIndex:
    """Numbers tool calls from 0 in order of arrival: providers use other indexes, or none."""

    def __init__(self) -> None:
        self._numbers: dict[int | str, int] = {}
        self._last = -1

    @property
    def any(self) -> bool:
        """Whether there was a tool call."""
        return self._last >= 0

    def write(self, part: ToolCallChunk) -> ChoiceDeltaToolCall:
        """Convert a tool call chunk; only the first one of each call has its id and name."""
        key = part["index"] if part["index"] is not None else part["id"]
        opens = key not in self._numbers if key is not None else bool(part["name"])
        function = ChoiceDeltaToolCallFunction(arguments=part["args"] or "")
        if not opens and self.any:
            number = self._last if key is None else self._numbers[key]
            return ChoiceDeltaToolCall(index=number, function=function)
        self._last += 1
        self._numbers[self._last if key is None else key] = self._last
        function.name = part["name"] or ""
        return ChoiceDeltaToolCall(index=self._last, id=part["id"] or new_call_id(), type="function", function=function)
