"""Which models are served: the router under the names of its presets, and every candidate under its own."""

import time
from collections.abc import Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from openai.types import Model

from lightrouter_graph.chat_model import DEFAULT, PAPER, ChatLightRouter
from lightrouter_graph.context import Context
from lightrouter_graph.errors import PoolError
from lightrouter_graph.pool import Pool
from lightrouter_graph.server.errors import Fault


def names_of(pool: Pool) -> list[str]:
    """Return the names under which a pool is served.

    Raises:
        PoolError: If a candidate has the name of a preset.
    """
    if taken := sorted({DEFAULT, PAPER} & set(pool.names)):
        msg = f"a served candidate cannot be called {taken[0]!r}: that is a name of the router"
        raise PoolError(msg)
    return [DEFAULT, PAPER, *pool.names]


def models_of(pool: Pool, context: Context) -> dict[str, BaseChatModel]:
    """Build everything a pool is served as.

    Args:
        pool: The candidates.
        context: The settings of `lightrouter`; what was set in it holds for the other names as well.

    Raises:
        PoolError: If a candidate has the name of a preset.
    """
    return {name: ChatLightRouter(pool=pool, context=context, model=name) for name in names_of(pool)}


class Catalogue:
    """The models by name, as clients list and look them up."""

    def __init__(self, models: Mapping[str, BaseChatModel]) -> None:
        self._models = dict(models)
        self._since = int(time.time())

    def find(self, name: str) -> BaseChatModel:
        """Return the model of that name.

        Raises:
            Fault: 404, if there is none.
        """
        self._check(name)
        return self._models[name]

    def describe(self, name: str) -> dict[str, Any]:
        """Describe one model as the API does.

        Raises:
            Fault: 404, if there is none.
        """
        self._check(name)
        return Model(id=name, object="model", created=self._since, owned_by="lightrouter").model_dump(
            exclude_unset=True
        )

    def describe_all(self) -> dict[str, Any]:
        """List the models as the API does."""
        return {"object": "list", "data": [self.describe(name) for name in self._models]}

    def _check(self, name: str) -> None:
        if name not in self._models:
            message = f"the model {name!r} does not exist; there are: {', '.join(self._models)}"
            raise Fault(404, message, code="model_not_found", param="model")
