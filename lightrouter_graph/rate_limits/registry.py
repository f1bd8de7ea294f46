"""The endpoints of a process: one for each provider address with a key, however many candidates and graphs call it."""

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

_MOST_REMEMBERED = 256
"""Endpoints kept when their models are gone, so that the next graph knows of a cooldown or an open breaker."""


class EndpointRegistry:
    """Returns the endpoint of a model. Holds no model, and only a few endpoints whose models are gone.

    Args:
        now: The time in seconds, never going back.
        sleep: Waits so many seconds.
        random: A number in [0, 1).
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = chance.random,
    ) -> None:
        self._now, self._sleep, self._random = now, sleep, random
        self.forget()

    def of(self, model: BaseChatModel, *, limit: int | None = None) -> Endpoint:
        """Return the endpoint of a model.

        Args:
            model: The candidate's own model, the same object in every call; not a copy made for one call.
            limit: How many calls at a time its candidate allows, None if it does not say. The smallest one named holds
                for the endpoint; 1 suits a server with a single GPU.

        Raises:
            PoolError: If the limit is no whole number of at least 1.
        """
        # By identity: chat models are pydantic's, and those have no hash. An id may be used again: hence the reference.
        of_model, endpoint = self._of_models.get(id(model), (None, None))
        if endpoint is None or of_model is None or of_model() is not model:
            endpoint = self._find(model)
        if limit is not None:
            endpoint.limit_to(limit)
        return endpoint

    def forget(self) -> None:
        """Begin anew, with no endpoint."""
        self._lock = threading.Lock()
        self._of_models: dict[int, tuple[weakref.ref[BaseChatModel], Endpoint]] = {}
        self._by_key: weakref.WeakValueDictionary[str, Endpoint] = weakref.WeakValueDictionary()
        self._remembered: OrderedDict[str, Endpoint] = OrderedDict()

    def _find(self, model: BaseChatModel) -> Endpoint:
        key = endpoint_key(model)
        with self._lock:
            endpoint = None if key is None else self._by_key.get(key)
            if endpoint is None:
                endpoint = Endpoint(label_of(model), now=self._now, sleep=self._sleep, random=self._random)
            if key is not None:
                self._remember(key, endpoint)
            self._of_models[id(model)] = weakref.ref(model, self._forgetting(id(model))), endpoint
        return endpoint

    def _remember(self, key: str, endpoint: Endpoint) -> None:
        self._by_key[key] = self._remembered[key] = endpoint
        self._remembered.move_to_end(key)
        while len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _forgetting(self, model_id: int) -> Callable[[object], None]:
        of_models = self._of_models

        def forget(gone: object) -> None:
            if model_id in of_models and of_models[model_id][0] is gone:
                del of_models[model_id]

        return forget


endpoints = EndpointRegistry()
"""The endpoints of this process."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=endpoints.forget)  # the calls that hold its permits stay with the parent
