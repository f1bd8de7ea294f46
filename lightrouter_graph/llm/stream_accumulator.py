"""Accumulates the chunks of one streamed model response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from langchain_core.messages.ai import UsageMetadata, add_ai_message_chunks, add_usage

from lightrouter_graph.llm.reply_end import reason_in, worst_reason

_CHARACTERS_PER_TOKEN = 8
"""More than tokenizers make of ordinary text: a longer text surely has more tokens than the cap allows."""


@dataclass(slots=True)
class StreamAccumulator:
    """Chunks of one response. Outlives a call that is cancelled, so that its partial text is available.

    Attributes:
        reports_totals: True if a chunk's usage is that of the whole response, as in OpenAI's API: the last report
            counts. False if the reports of the chunks add up, as in Anthropic's client.
        tokens: Number of chunks with text, reasoning or a tool call. Servers send at least one token per chunk, so
            this is a lower bound of the output tokens.
        truncated: True if we stopped reading because the response exceeded its cap.
        started: True once the request was sent.
    """

    reports_totals: bool = False
    chunks: list[AIMessageChunk] = field(default_factory=list)
    tokens: int = 0
    truncated: bool = False
    started: bool = False
    _characters: int = 0

    def add(self, received: BaseMessage, *, prefix: str | None = None) -> None:
        """Add one chunk.

        Args:
            received: The chunk. Clients return a message of another type if the server sends another role.
            prefix: Text of an earlier response; a first chunk that repeats it counts no tokens.
        """
        chunk = received if isinstance(received, AIMessageChunk) else _as_chunk(received)
        self.chunks.append(chunk)
        text = str(chunk.text)
        if prefix is not None and len(self.chunks) == 1 and text == prefix:
            return
        self._characters += len(text)
        self.tokens += bool(chunk.content or chunk.tool_call_chunks or chunk.additional_kwargs)

    def exceeds(self, cap: int | None) -> bool:
        """Return True if the response is longer than its cap allows, so the model ignores the cap.

        Args:
            cap: Cap in tokens; None for no cap.
        """
        return cap is not None and (self.tokens > cap or self._characters > cap * _CHARACTERS_PER_TOKEN)

    def truncate(self, *, keep_last: bool = False) -> None:
        """Mark the response as truncated and drop its last chunk.

        Args:
            keep_last: Keep the last chunk because the user has received it. The only chunk is always kept.
        """
        self.truncated = True
        if not keep_last and len(self.chunks) > 1:
            self.chunks.pop()
            self.tokens -= 1

    def message(self) -> AIMessage:
        """Join the chunks into one message; without any chunk, raise `ValueError`.

        LangChain joins metadata as text ("stopstop") and adds up every usage, so both are read from each chunk here.
        """
        if not self.chunks:
            raise ValueError("the stream contained no chunk")
        bare = [chunk.model_copy(update={"response_metadata": {}, "usage_metadata": None}) for chunk in self.chunks]
        message = message_chunk_to_message(add_ai_message_chunks(bare[0], *bare[1:]))
        assert isinstance(message, AIMessage)
        message.response_metadata = _joined_metadata([chunk.response_metadata for chunk in self.chunks])
        message.usage_metadata = self.usage()
        return message

    def usage(self) -> UsageMetadata | None:
        """Return the usage of the response, as far as chunks have reported it; None if none did."""
        reports = [chunk.usage_metadata for chunk in self.chunks if chunk.usage_metadata]
        if not self.reports_totals:
            return reduce(add_usage, reports) if reports else None
        joined: dict[str, Any] = {}
        for report in reports:  # running totals and repeats; zeros stand for what a chunk does not report
            joined |= {name: value for name, value in report.items() if value}
        return cast("UsageMetadata", joined) if joined else None


def as_ai_message(message: BaseMessage) -> AIMessage:
    """Return a response as `AIMessage`, which a client does not create if the server sends another role.

    Args:
        message: The message that a chat model returned.
    """
    if isinstance(message, AIMessage):
        return message
    return AIMessage(message.content, id=message.id, response_metadata=message.response_metadata)


def _as_chunk(received: BaseMessage) -> AIMessageChunk:
    chunk = AIMessageChunk(content=received.content, id=received.id, response_metadata=received.response_metadata)
    chunk.usage_metadata = getattr(received, "usage_metadata", None)
    return chunk


def _joined_metadata(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the last value of each field, the worst finish reason, and the log-probabilities of all chunks."""
    joined: dict[str, Any] = {}
    tokens: list[Any] = []
    for part in parts:
        joined |= {name: value for name, value in part.items() if value not in (None, "")}
        logprobs = part.get("logprobs")
        content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
        tokens += content if isinstance(content, list) else []
    if tokens:
        joined["logprobs"] = {"content": tokens}
    reason = worst_reason(found for part in parts if (found := reason_in(part)))
    return joined if reason is None else {**joined, "finish_reason": reason}
