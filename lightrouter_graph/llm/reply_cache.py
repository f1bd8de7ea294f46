"""Finds out whether a reply came from LangChain's response cache (`set_llm_cache`, or `cache` of a chat model)."""

from typing import Any

from langchain_core.caches import RETURN_VAL_TYPE, BaseCache
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel


class ObservedCache(BaseCache):
    """Response cache that notes whether it returned a reply; for one call.

    Args:
        inner: The cache that stores the replies.

    Attributes:
        hit: True once a lookup has returned a reply.
    """

    def __init__(self, inner: BaseCache) -> None:
        self.hit, self._inner = False, inner

    def lookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the stored reply; None if there is none."""
        return self._noted(self._inner.lookup(prompt, llm_string))

    async def alookup(self, prompt: str, llm_string: str) -> RETURN_VAL_TYPE | None:
        """Return the stored reply; None if there is none."""
        return self._noted(await self._inner.alookup(prompt, llm_string))

    def update(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Store a reply."""
        self._inner.update(prompt, llm_string, return_val)

    async def aupdate(self, prompt: str, llm_string: str, return_val: RETURN_VAL_TYPE) -> None:
        """Store a reply."""
        await self._inner.aupdate(prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        """Delete all replies."""
        self._inner.clear(**kwargs)

    def _noted(self, found: RETURN_VAL_TYPE | None) -> RETURN_VAL_TYPE | None:
        self.hit = isinstance(found, list)
        return found


def observed_cache(model: BaseChatModel) -> ObservedCache | None:
    """Return an observed form of the cache that a chat model uses; None if it uses none."""
    cache = model.cache if isinstance(model.cache, BaseCache) else get_llm_cache()
    return None if cache is None or model.cache is False else ObservedCache(cache)
