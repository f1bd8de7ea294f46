"""Served models: the router under the names of its presets, and each candidate under its name."""

import time
from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from openai.types import Model

from lightrouter_graph.chat_model import DEFAULT, PAPER, ChatLightRouter
from lightrouter_graph.context import Context
from lightrouter_graph.errors import PoolError, did_you_mean
from lightrouter_graph.pool import Pool
from lightrouter_graph.server.errors import ApiError


def names_of(pool: Pool) -> list[str]:
    """Return the model names under which a pool is served: the presets, then the candidates.

    Args:
        pool: The candidates.

    Raises:
        PoolError: If a candidate is named like a preset.
    """
    if taken := sorted({DEFAULT, PAPER} & set(pool.names)):
        msg = f"the candidate {taken[0]!r} has the name of a router preset: give it another name to serve it"
        raise PoolError(msg)
    return [DEFAULT, PAPER, *pool.names]


def models_of(pool: Pool, context: Context) -> dict[str, BaseChatModel]:
    """Build the chat models under which a pool is served, by name.

    Args:
        pool: The candidates.
        context: Settings of `lightrouter`; fields set in it apply to the other models as well.

    Raises:
        PoolError: If a candidate is named like a preset.
    """
    return {name: ChatLightRouter(pool=pool, context=context, model=name) for name in names_of(pool)}


class ServedModels:
    """The served models by name, as `/v1/models` lists them.

    Args:
        models: Chat models by model name.
    """

    def __init__(self, models: Mapping[str, BaseChatModel]) -> None:
        self._models = dict(models)
        self._created = int(time.time())

    def find(self, name: str) -> BaseChatModel:
        """Return the model of that name.

        Args:
            name: Model name of a request.

        Raises:
            ApiError: 404 if there is none.
        """
        self._check(name)
        return self._models[name]

    def describe(self, name: str) -> dict[str, Any]:
        """Return the model object of the API.

        Args:
            name: Model name of a request.

        Raises:
            ApiError: 404 if there is none.
        """
        self._check(name)
        return Model(id=name, object="model", created=self._created, owned_by="lightrouter").model_dump(
            exclude_unset=True
        )

    def describe_all(self) -> dict[str, Any]:
        """Return the list of model objects of the API."""
        return {"object": "list", "data": [self.describe(name) for name in self._models]}

    def _check(self, name: str) -> None:
        if name not in self._models:
            message = (
                f"unknown model {name!r}{did_you_mean(name, self._models)}; served models are {', '.join(self._models)}"
            )
            raise ApiError(404, message, code="model_not_found", param="model")
