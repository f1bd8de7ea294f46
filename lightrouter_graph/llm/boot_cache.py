"""Boots that were paid for once and serve again: in memory, in SQLite, or in a Redis that many workers share."""

import asyncio
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NotRequired

from langchain_core.messages import BaseMessage
from langgraph.cache.base import BaseCache
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lightrouter_graph.llm.call import Call
from lightrouter_graph.llm.completion import Completion, call_cost_of
from lightrouter_graph.pool import Candidate
from lightrouter_graph.providers.model_facts import identity_of
from lightrouter_graph.records import NO_USAGE, ToolCallMessage, Usage

logger = logging.getLogger(__name__)

_NAMESPACE = ("lightrouter", "boots")
_PATIENCE_S = 1.0
"""Seconds a cache may take: a boot that is paid for is not much slower."""

_TOLD = {"type", "content", "name", "tool_calls", "invalid_tool_calls", "tool_call_id", "additional_kwargs"}


class Kept(TypedDict):
    """What is kept of a boot."""

    text: str
    finish_reason: str | None
    tool_call_message: ToolCallMessage | None
    usage: Usage
    metadata: NotRequired[dict[str, Any]]


_KEPT: TypeAdapter[Kept] = TypeAdapter(Kept)


@dataclass(frozen=True, slots=True)
class BootCache:
    """A LangGraph cache that keeps boots.

    A boot is found again by all that made it: the candidate, its model's settings and address, the conversation (but
    no message ids), the cap, the tools and the form that were asked for. One that failed is not kept. The texts lie in
    the cache in plain. A cache that fails, takes more than a second, or holds what is no boot only means that the boot
    is paid for.

    Args:
        cache: LangGraph's `InMemoryCache`, `SqliteCache`, `RedisCache` or another of its kind. It is called in a
            thread, through its synchronous methods: `RedisCache` blocks the event loop in its asynchronous ones.
        ttl_s: Whole seconds for which a boot is kept; None for as long as the cache keeps anything.

    Raises:
        ValueError: If `ttl_s` is not a whole number of at least 1.

    Deviation from arXiv 2505.16221: the paper asks anew each time. With a temperature above 0 a kept boot stays the
    sample it was.
    """

    cache: BaseCache[Any]
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        if self.ttl_s is not None and (not isinstance(self.ttl_s, int) or self.ttl_s < 1):
            msg = f"ttl_s = {self.ttl_s!r}: it must be a whole number of seconds >= 1, or None"
            raise ValueError(msg)

    async def find(self, candidate: Candidate, messages: Sequence[BaseMessage], call: Call) -> Kept | None:
        """Return the boot that the same call brought before; None where there is none to be had."""
        try:
            full_key = (_NAMESPACE, _key(candidate, messages, call))
            async with asyncio.timeout(_PATIENCE_S):
                found = await asyncio.to_thread(self.cache.get, [full_key])
            return _KEPT.validate_python(found[full_key]) if full_key in found else None
        except ValidationError:
            logger.warning("the boot cache holds something that is no boot of %s; it is asked anew", candidate.name)
        except Exception as exc:  # noqa: BLE001 - a cache may raise anything, and none of it is worth a run
            logger.warning("the boot cache cannot be read: %s", type(exc).__name__)
        return None

    async def keep(self, candidate: Candidate, messages: Sequence[BaseMessage], call: Call, reply: Completion) -> None:
        """Keep the boot a call brought, unless it failed."""
        if reply.failure is not None:
            return
        kept: Kept = {
            "text": reply.text,
            "finish_reason": reply.finish_reason,
            "tool_call_message": reply.tool_call_message,
            "usage": reply.usage,
            "metadata": {**reply.metadata},
        }
        try:
            full_key = (_NAMESPACE, _key(candidate, messages, call))
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.to_thread(self.cache.set, {full_key: (kept, self.ttl_s)})
        except Exception as exc:  # noqa: BLE001 - as above
            logger.warning("the boot cache cannot be written: %s", type(exc).__name__)


def cached_completion(kept: Kept, candidate: Candidate, call: Call) -> Completion:
    """Turn a boot from the cache into the reply it was, which costs nothing now."""
    return Completion(
        kept["text"],
        kept["finish_reason"],
        {**call_cost_of(candidate, call, {**NO_USAGE}, 0.0, "cached"), "usd": 0.0},
        tool_call_message=kept["tool_call_message"],
        whole=kept["usage"],
        metadata=kept.get("metadata", {}),
    )


def _key(candidate: Candidate, messages: Sequence[BaseMessage], call: Call) -> str:
    model = [candidate.name, candidate.spec, identity_of(candidate.model)]
    request = {name: value for name, value in asdict(call.request).items() if value}
    told = [{k: v for k, v in message.model_dump(include=_TOLD).items() if v} for message in messages]
    whole = json.dumps([model, told, call.max_tokens, request], sort_keys=True, default=str)
    return hashlib.sha256(whole.encode()).hexdigest()
