"""The endpoints of a process: one per provider URL and API key, shared by all candidates and graphs."""

import asyncio
import os
import random as chance
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from langchain_core.language_models import BaseChatModel

from lightrouter_graph.rate_limits.endpoint import Endpoint
from lightrouter_graph.rate_limits.endpoint_key import endpoint_key, label_of

_MAX_UNUSED = 256
"""Endpoints kept after their models are deleted, with their cooldowns and breakers, for the next graph."""


class EndpointRegistry:
    """Maps chat models to endpoints. References models weakly. Thread-safe; the arguments are those of `Endpoint`."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._now, self._sleep, self._random = now, sleep, random
        self.clear()

    def of(self, model: BaseChatModel, *, limit: int | None = None) -> Endpoint:
        """Return the endpoint of a model.

        Args:
            model: The model object of the candidate, not a copy made for one call.
            limit: Limit of concurrent requests, >= 1; None for no change. The smallest limit ever set applies.
        """
        endpoint = self._of_models.get(id(model)) or self._find(model)
        if limit is not None:
            endpoint.limit_to(limit)
        return endpoint

    def clear(self) -> None:
        """Remove all endpoints."""
        self._lock = threading.Lock()
        self._of_models: dict[int, Endpoint] = {}  # by id, since pydantic models are not hashable
        self._by_key: weakref.WeakValueDictionary[str, Endpoint] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[str, Endpoint] = OrderedDict()

    def _find(self, model: BaseChatModel) -> Endpoint:
        key = endpoint_key(model)
        with self._lock:
            endpoint = self._by_key.get(key or "") or Endpoint(label_of(model), self._now, self._sleep, self._random)
            if key is not None:
                self._keep(key, endpoint)
            self._of_models[id(model)] = endpoint
            weakref.finalize(model, self._of_models.pop, id(model), None).atexit = False
        return endpoint

    def _keep(self, key: str, endpoint: Endpoint) -> None:
        self._by_key[key] = self._recent[key] = endpoint
        self._recent.move_to_end(key)
        while len(self._recent) > _MAX_UNUSED:
            self._recent.popitem(last=False)


endpoints = EndpointRegistry()
"""The endpoints of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=endpoints.clear)  # its permits belong to requests of the parent process
