"""`BootCache`: keeps boots in a LangGraph cache (memory, SQLite, Redis), so that equal calls are not billed again."""

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
from lightrouter_graph.redaction.printable import log_line

ACCOUNTING = ("user", "safety_identifier", "metadata", "prompt_cache_key", "service_tier", "store")
"""Fields of a request body for accounting, caching and speed, which do not change the text of a response."""

logger = logging.getLogger(__name__)

_NAMESPACE = ("lightrouter", "boots")
_TIMEOUT_S = 1.0
"""Seconds a cache may take; querying the model is not much slower."""

_KEY_FIELDS = {"type", "content", "name", "tool_calls", "invalid_tool_calls", "tool_call_id", "additional_kwargs"}


class CachedBoot(TypedDict):
    """The parts of a completion that are cached."""

    text: str
    finish_reason: str | None
    tool_call_message: ToolCallMessage | None
    usage: Usage
    metadata: NotRequired[dict[str, Any]]


_CACHED_BOOT: TypeAdapter[CachedBoot] = TypeAdapter(CachedBoot)


@dataclass(frozen=True, slots=True)
class BootCache:
    """Cache of boots on top of a LangGraph cache.

    The key contains the candidate, the settings and address of its model, the conversation without message ids, the
    cap, the tools and the response format. Failed boots are not cached. Texts are stored as plain text. If the cache
    fails, takes more than a second or returns an invalid entry, the model is queried. LangGraph's `CachePolicy` caches
    whole nodes and does not report a hit, so the bill could not count it.

    Args:
        cache: LangGraph's `InMemoryCache`, `SqliteCache`, `RedisCache` or another `BaseCache`. Its synchronous methods
            are called in a thread, because the asynchronous ones of `RedisCache` block the event loop.
        ttl_s: Whole seconds until an entry expires, at least 1; None for no expiry.

    Raises:
        ValueError: If `ttl_s` is not a whole number of at least 1.

    Deviation from arXiv 2505.16221: the paper queries the models for every run. With a temperature above 0, a cached
    boot is always the same sample.
    """

    cache: BaseCache[Any]
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        if self.ttl_s is not None and (not isinstance(self.ttl_s, int) or self.ttl_s < 1):
            raise ValueError(f"ttl_s = {self.ttl_s!r}: it must be a whole number of seconds >= 1, or None")

    async def find(self, candidate: Candidate, messages: Sequence[BaseMessage], call: Call) -> Completion | None:
        """Return the cached boot of an equal call, which costs nothing; None if there is none, or the cache fails.

        Args:
            candidate: The candidate to query.
            messages: The conversation.
            call: Settings of the call.
        """
        try:
            full_key = (_NAMESPACE, _key(candidate, messages, call))
            async with asyncio.timeout(_TIMEOUT_S):
                found = await asyncio.to_thread(self.cache.get, [full_key])
            if full_key in found:
                return _completion_of(_CACHED_BOOT.validate_python(found[full_key]), candidate, call)
        except ValidationError:
            logger.warning("the boot cache has an invalid entry for %s: the model is queried", log_line(candidate.name))
        except Exception as exc:  # noqa: BLE001 - a cache may raise anything, and no error of it may end a run
            logger.warning("reading the boot cache failed: %s", type(exc).__name__)
        return None

    async def keep(self, candidate: Candidate, messages: Sequence[BaseMessage], call: Call, reply: Completion) -> None:
        """Store the boot of a call, unless it failed."""
        if reply.failure is not None:
            return
        boot: CachedBoot = {
            "text": reply.text,
            "finish_reason": reply.finish_reason,
            "tool_call_message": reply.tool_call_message,
            "usage": reply.usage,
            "metadata": {**reply.metadata},
        }
        try:
            full_key = (_NAMESPACE, _key(candidate, messages, call))
            async with asyncio.timeout(_TIMEOUT_S):
                await asyncio.to_thread(self.cache.set, {full_key: (boot, self.ttl_s)})
        except Exception as exc:  # noqa: BLE001 - as above
            logger.warning("writing the boot cache failed: %s", type(exc).__name__)


def _completion_of(boot: CachedBoot, candidate: Candidate, call: Call) -> Completion:
    return Completion(
        boot["text"],
        boot["finish_reason"],
        {**call_cost_of(candidate, call, {**NO_USAGE}, 0.0, "cached"), "usd": 0.0},
        tool_call_message=boot["tool_call_message"],
        text_usage=boot["usage"],
        metadata=boot.get("metadata", {}),
    )


def _key(candidate: Candidate, messages: Sequence[BaseMessage], call: Call) -> str:
    model = [candidate.name, candidate.spec, identity_of(candidate.model)]
    request = {name: value for name, value in asdict(call.request).items() if value}
    request["extra_body"] = {k: v for k, v in call.request.extra_body.items() if k not in ACCOUNTING}
    conversation = [{k: v for k, v in message.model_dump(include=_KEY_FIELDS).items() if v} for message in messages]
    key = json.dumps([model, conversation, call.max_tokens, request], sort_keys=True, default=str)
    return hashlib.sha256(key.encode()).hexdigest()
