"""`LightRouterMiddleware`: LightRouter in an agent that has a model of its own."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

try:
    from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
except ImportError as exc:  # pragma: no cover
    raise ImportError("the middleware needs langchain: pip install 'lightrouter-graph[langchain]'") from exc

from lightrouter_graph.chat_model import ChatLightRouter
from lightrouter_graph.chat_model.arguments import ARGUMENTS
from lightrouter_graph.errors import BrokenStreamError, ContextError, NoSurvivorError
from lightrouter_graph.pool import Pool

logger = logging.getLogger(__name__)


class LightRouterMiddleware(AgentMiddleware[Any, Any, Any]):
    """Let LightRouter answer the model calls of an agent, with the agent's own model to fall back on.

    The agent keeps its tools, system prompt and response format: they go to every candidate. Where nobody of the pool
    answers, the agent's model does, as if the middleware were not there; mistakes in settings or in the conversation
    are raised. Settings that other middleware adds for the agent's model alone (such as a provider's cache marks) are
    left out, with a line in the log.

    Args:
        router: A `ChatLightRouter`, or the pool to make one of.
        when: Which calls to route; None for all. Others go to the agent's own model.
        **settings: With a pool, what `ChatLightRouter` takes besides: `top_k`, `context`, `aggregator` and the like.

    Raises:
        ContextError: If a setting is not allowed, or is given beside a `ChatLightRouter`.
        PoolError: If the pool is not usable.

    Example:
        ```python
        agent = create_agent(
            "openai:gpt-5.4-mini",
            tools=[search],
            middleware=[LightRouterMiddleware(["groq:openai/gpt-oss-20b", "deepseek:deepseek-chat"])],
        )
        ```
    """

    def __init__(
        self,
        router: ChatLightRouter | Pool | Sequence[Any],
        *,
        when: Callable[[ModelRequest[Any]], bool] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.router = ChatLightRouter(router, **settings) if not isinstance(router, ChatLightRouter) else router
        if settings and self.router is router:
            msg = f"the ChatLightRouter has its settings already; {', '.join(settings)} cannot be given besides"
            raise ContextError(msg)
        self.when = when

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Route one call of a synchronous agent."""
        if not self._is_ours(request):
            return handler(request)
        try:
            return handler(self._routed(request))
        except (NoSurvivorError, BrokenStreamError) as exc:
            return _paid_for(exc, request) or handler(request)

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Route one call of an asynchronous agent."""
        if not self._is_ours(request):
            return await handler(request)
        try:
            return await handler(self._routed(request))
        except (NoSurvivorError, BrokenStreamError) as exc:
            return _paid_for(exc, request) or await handler(request)

    def _is_ours(self, request: ModelRequest[Any]) -> bool:
        return self.when is None or self.when(request)

    def _routed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        foreign = sorted(request.model_settings.keys() - ARGUMENTS)
        if foreign:
            logger.info("left out for the pool, meant for the agent's model: %s", ", ".join(foreign))
        settings = {name: value for name, value in request.model_settings.items() if name in ARGUMENTS}
        return request.override(model=self.router, model_settings=settings)


def _paid_for(exc: Exception, request: ModelRequest[Any]) -> ModelResponse[Any] | None:
    """Return the answer the pool gave after a stream of it broke off; None where the agent's own model must answer."""
    if isinstance(exc, BrokenStreamError) and request.response_format is None:
        logger.warning("%s", exc)
        return ModelResponse(result=[exc.answer])
    logger.warning("the agent's own model answers: %s", exc)
    return None
