"""What a scripted model says, and how one call hears it: cut to its limit and paced."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from lightrouter_graph.testing.deltas import count_call_tokens
from lightrouter_graph.testing.tokens import split_tokens

Content: TypeAlias = str | list[str | dict[str, Any]]


@dataclass(frozen=True)
class Reply:
    """One scripted answer, with what may go slow or wrong about it.

    It is played in this order: wait `delay_s`; the text, token by token, each after `delay_per_token_s`; then
    the tool calls and the end, or in their place `error` or an endless wait.

    Attributes:
        text: The whole text. A limit on tokens cuts it.
        tool_calls: As in `AIMessage`; they come whole, or not at all when the limit leaves no room for them.
        finish_reason: Unless given "tool_calls" where there are any, else "stop". A cut reply says "length".
        usage: Counted unless given.
        delay_s: Seconds before the first token.
        delay_per_token_s: Seconds before each token.
        hang: Never finish after the text; with an empty text never say anything.
        error: Raised after the text: with some text, a connection that breaks.

    Example:
        >>> Reply("four", delay_s=0.2).text
        'four'
    """

    text: str
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: str | None = None
    usage: UsageMetadata | None = None
    delay_s: float = 0.0
    delay_per_token_s: float = 0.0
    hang: bool = False
    error: Exception | None = None


Scripted: TypeAlias = str | AIMessage | Exception | Reply
"""What a model says in one call: an `Exception` is raised, an `AIMessage` keeps its further fields."""

Response: TypeAlias = Scripted | Callable[[Sequence[BaseMessage]], Scripted]
"""One entry of a script: what is said, or a function of the messages that decides it."""


class Step(NamedTuple):
    """Wait, then produce some content (empty for a mere wait)."""

    wait_s: float
    content: Content
    tokens: int


@dataclass(frozen=True)
class Take:
    """One reply as one call hears it."""

    reply: Reply
    pieces: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    blocks: Content | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of the text and the tool calls."""
        return len(self.pieces) + count_call_tokens(self.tool_calls)

    def steps(self) -> Iterator[Step]:
        """Play everything but the end; raises the reply's error."""
        if self.reply.delay_s:
            yield Step(self.reply.delay_s, "", 0)
        if self.blocks is not None:
            yield Step(self.reply.delay_per_token_s * len(self.pieces), self.blocks, len(self.pieces))
        else:
            yield from (Step(self.reply.delay_per_token_s, piece, 1) for piece in self.pieces)
        if self.reply.error is not None:
            raise self.reply.error
        if self.reply.hang:
            yield Step(math.inf, "", 0)

    def message(self, content: Content, usage: UsageMetadata | None, metadata: dict[str, Any]) -> AIMessage:
        """The reply as one message."""
        return AIMessage(
            content=content,
            tool_calls=list(self.tool_calls),
            usage_metadata=usage,
            response_metadata=self._metadata(metadata),
            additional_kwargs=dict(self.extras),
        )

    def last_chunk(self, usage: UsageMetadata | None, metadata: dict[str, Any]) -> AIMessageChunk:
        """The end of the reply as a stream tells it: everything but the text."""
        return AIMessageChunk(
            content="",
            tool_call_chunks=[
                tool_call_chunk(name=c["name"], args=json.dumps(c["args"]), id=c["id"], index=i)
                for i, c in enumerate(self.tool_calls)
            ],
            usage_metadata=usage,
            response_metadata=self._metadata(metadata),
            additional_kwargs=dict(self.extras),
            chunk_position="last",
        )

    def _metadata(self, metadata: dict[str, Any]) -> dict[str, Any]:
        return {**self.metadata, **metadata, "finish_reason": self.finish_reason}


def make_take(said: Scripted, *, limit: int | None, prefix: str) -> Take:
    """Fit what is said to a call.

    Args:
        said: What the script has for the call.
        limit: Most tokens the call takes, None for any number.
        prefix: Text that the caller already has; it is left out where the reply starts with it.
    """
    origin = said if isinstance(said, AIMessage) else None
    reply = _as_reply(said)
    pieces = split_tokens(reply.text.removeprefix(prefix))
    room = math.inf if limit is None else limit - len(pieces)
    calls = tuple(reply.tool_calls) if count_call_tokens(reply.tool_calls) <= room else ()
    cut = room < 0 or len(calls) < len(reply.tool_calls)
    natural = reply.finish_reason or ("tool_calls" if calls else "stop")
    whole = origin is not None and not isinstance(origin.content, str) and room >= 0 and not prefix
    return Take(
        reply=reply,
        pieces=tuple(pieces[:limit]),
        tool_calls=calls,
        finish_reason="length" if cut else natural,
        blocks=origin.content if origin and whole else None,
        extras=origin.additional_kwargs if origin else {},
        metadata=origin.response_metadata if origin else {},
    )


def _as_reply(said: Scripted) -> Reply:
    if isinstance(said, Reply):
        return said
    if isinstance(said, str):
        return Reply(said)
    if isinstance(said, Exception):
        return Reply("", error=said)
    if isinstance(said, AIMessage):
        reason = said.response_metadata.get("finish_reason")
        return Reply(str(said.text), said.tool_calls, finish_reason=reason, usage=said.usage_metadata)
    msg = f"a model says a str, an AIMessage, an Exception or a Reply, not {said!r}"
    raise TypeError(msg)
