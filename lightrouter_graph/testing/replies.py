"""Replies of a scripted model, and how a reply is cut to the limit of a call and delayed."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk

from lightrouter_graph.testing.tokens import count_call_tokens, split_tokens

Content: TypeAlias = str | list[str | dict[str, Any]]


@dataclass(frozen=True)
class Reply:
    """Scripted reply with delays and failures.

    Order: wait `delay_s`; stream the text token by token, each after `delay_per_token_s`; then send the tool calls and
    finish, or raise `error`, or hang.

    Attributes:
        text: The whole text; the token limit of a call cuts it.
        tool_calls: As in `AIMessage`; all are sent, or none if they exceed the token limit.
        finish_reason: "tool_calls" or "stop" unless given; always "length" for a reply that was cut.
        usage: Counted unless given.
        delay_s: Seconds before the first token.
        delay_per_token_s: Seconds before each token.
        hang: Whether the model never finishes after the text.
        error: Exception raised after the text; with a non-empty text, an interrupted stream.

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
"""Reply to one call. An `Exception` is raised; an `AIMessage` keeps its other fields."""

Response: TypeAlias = Scripted | Callable[[Sequence[BaseMessage]], Scripted]
"""Entry of a script: a reply, or a function that returns one for the messages of the call."""


class Step(NamedTuple):
    """Wait, then produce content; empty content only waits."""

    wait_s: float
    content: Content
    tokens: int


@dataclass(frozen=True)
class PreparedReply:
    """Reply to one call, cut to the limit of the call."""

    scripted: Reply
    pieces: tuple[str, ...]
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    blocks: Content | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Number of tokens of text and tool calls."""
        return len(self.pieces) + count_call_tokens(self.tool_calls)

    def steps(self) -> Iterator[Step]:
        """Yield the steps before the end of the reply; raise its error, if any."""
        if self.scripted.delay_s:
            yield Step(self.scripted.delay_s, "", 0)
        if self.blocks is not None:
            yield Step(self.scripted.delay_per_token_s * len(self.pieces), self.blocks, len(self.pieces))
        else:
            yield from (Step(self.scripted.delay_per_token_s, piece, 1) for piece in self.pieces)
        if self.scripted.error is not None:
            raise self.scripted.error
        if self.scripted.hang:
            yield Step(math.inf, "", 0)

    def message(self, content: Content, usage: UsageMetadata | None, metadata: dict[str, Any]) -> AIMessage:
        """Return the reply as one message.

        Args:
            content: Text or content blocks that were produced.
            usage: Token counts; None for none.
            metadata: Response metadata of the model.
        """
        return AIMessage(
            content=content,
            tool_calls=list(self.tool_calls),
            usage_metadata=usage,
            response_metadata=self._metadata(metadata),
            additional_kwargs=dict(self.extras),
        )

    def last_chunk(self, usage: UsageMetadata | None, metadata: dict[str, Any]) -> AIMessageChunk:
        """Return the last chunk of the stream: tool calls, token counts and metadata.

        Args:
            usage: Token counts; None for none.
            metadata: Response metadata of the model.
        """
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


def prepare_reply(scripted: Scripted, *, limit: int | None, prefix: str) -> PreparedReply:
    """Cut a scripted reply to the limit of a call.

    Args:
        scripted: The entry of the script.
        limit: Maximum number of tokens; None for no limit.
        prefix: Text that the caller already has; omitted if the reply starts with it.

    Raises:
        TypeError: If the entry is no reply.
    """
    origin = scripted if isinstance(scripted, AIMessage) else None
    reply = _as_reply(scripted)
    pieces = split_tokens(reply.text.removeprefix(prefix))
    room = math.inf if limit is None else limit - len(pieces)
    calls = tuple(reply.tool_calls) if count_call_tokens(reply.tool_calls) <= room else ()
    cut = room < 0 or len(calls) < len(reply.tool_calls)
    default = reply.finish_reason or ("tool_calls" if calls else "stop")
    whole = origin is not None and not isinstance(origin.content, str) and room >= 0 and not prefix
    return PreparedReply(
        scripted=reply,
        pieces=tuple(pieces[:limit]),
        tool_calls=calls,
        finish_reason="length" if cut else default,
        blocks=origin.content if origin and whole else None,
        extras=origin.additional_kwargs if origin else {},
        metadata=origin.response_metadata if origin else {},
    )


def _as_reply(scripted: Scripted) -> Reply:
    if isinstance(scripted, Reply):
        return scripted
    if isinstance(scripted, str):
        return Reply(scripted)
    if isinstance(scripted, Exception):
        return Reply("", error=scripted)
    if isinstance(scripted, AIMessage):
        reason = scripted.response_metadata.get("finish_reason")
        return Reply(str(scripted.text), scripted.tool_calls, finish_reason=reason, usage=scripted.usage_metadata)
    msg = f"a scripted reply must be a str, an AIMessage, an Exception or a Reply, got {scripted!r}"
    raise TypeError(msg)
