"""The chunks of an answer become the events of a stream."""

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

from lightrouter_graph.server.requests import Ask
from lightrouter_graph.server.responses import (
    Decision,
    decision_field,
    decision_of,
    finish_reason,
    new_call_id,
    told_reason,
    usage_of,
)
from lightrouter_graph.server.sse import event

DONE = event("[DONE]")


class ChunkWriter:
    """Writes one stream and remembers what its end must tell.

    Attributes:
        usage: The usage so far.
        decision: The decision record, once it has come.
    """

    def __init__(self, ask: Ask, completion_id: str) -> None:
        self.usage: UsageMetadata | None = None
        self.decision: Decision | None = None
        self._ask = ask
        self._common: dict[str, Any] = {
            "id": completion_id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": ask.model,
        }
        self._calls = _Calls()
        self._told: str | None = None
        self._begun = False

    def write(self, chunk: AIMessageChunk) -> bytes:
        """Write what a chunk says, and take in what it tells; nothing for a chunk that says nothing."""
        self._told = told_reason(chunk.response_metadata) or self._told
        self.decision = decision_of(chunk.response_metadata) or self.decision
        if chunk.usage_metadata is not None:  # some providers tell the input first and the output last
            self.usage = add_usage(self.usage, chunk.usage_metadata)
        delta: dict[str, Any] = {}
        if text := str(chunk.text):
            delta["content"] = text
        if chunk.tool_call_chunks:
            delta["tool_calls"] = [self._calls.write(part) for part in chunk.tool_call_chunks]
        return self._opening() + self._event(delta) if delta else b""

    def end(self) -> bytes:
        """Write why it ended, the decision record and the usage if they were asked for, and the end."""
        reason = finish_reason(self._told, has_calls=self._calls.any)
        events = self._opening() + self._event({}, reason, **decision_field(self.decision, self._ask))
        if self._ask.include_usage and self.usage is not None:
            events += event(self._chunk([], usage=usage_of(self.usage)))
        return events + DONE

    def _opening(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._event({"role": "assistant", "content": ""})

    def _event(self, delta: dict[str, Any], reason: Any = None, **fields: Any) -> bytes:
        choice = Choice(index=0, delta=ChoiceDelta(**delta), logprobs=None, finish_reason=reason)
        return event(self._chunk([choice], **({"usage": None} if self._ask.include_usage else {}), **fields))

    def _chunk(self, choices: list[Choice], **fields: Any) -> str:
        return ChatCompletionChunk(**self._common, choices=choices, **fields).model_dump_json(exclude_unset=True)


class _Calls:
    """Numbers tool calls from 0 as they come: providers count otherwise, or not at all."""

    def __init__(self) -> None:
        self._numbers: dict[int | str, int] = {}
        self._last = -1

    @property
    def any(self) -> bool:
        """Whether there was one."""
        return self._last >= 0

    def write(self, part: ToolCallChunk) -> ChoiceDeltaToolCall:
        """Write a part of a call; the first of each has its id and name."""
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
