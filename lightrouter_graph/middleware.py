"""`LightRouterMiddleware`: LangChain agent middleware that routes the model calls of an agent to LightRouter."""

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
from lightrouter_graph.redaction.printable import log_line

logger = logging.getLogger(__name__)


class LightRouterMiddleware(AgentMiddleware[Any, Any, Any]):
    """Answer the model calls of an agent with LightRouter; the agent's own model is the fallback.

    Tools, system prompt and response format of the agent are sent to every candidate. If no candidate answers, the
    agent's model does. Invalid settings and conversations are raised. Settings that other middleware adds for the
    agent's model only (such as cache marks of a provider) are dropped, with a log line.

    Args:
        router: A `ChatLightRouter`, or the pool to make one of.
        when: Returns True for calls to route; None routes all. Other calls use the agent's own model.
        **settings: Arguments of `ChatLightRouter` if `router` is a pool: `top_k`, `context`, `aggregator` and others.

    Raises:
        ContextError: If a setting is not allowed, or is passed together with a `ChatLightRouter`.
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
            msg = f"pass {', '.join(settings)} to the ChatLightRouter itself: it has its settings already"
            raise ContextError(msg)
        self.when = when

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Route one call of a synchronous agent.

        Args:
            request: Model call of the agent.
            handler: Makes the call with the agent's own model.
        """
        if not self._is_routed(request):
            return handler(request)
        try:
            return handler(self._routed(request))
        except (NoSurvivorError, BrokenStreamError) as exc:
            return _answer_of_failed_stream(exc, request) or handler(request)

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Route one call of an asynchronous agent.

        Args:
            request: Model call of the agent.
            handler: Makes the call with the agent's own model.
        """
        if not self._is_routed(request):
            return await handler(request)
        try:
            return await handler(self._routed(request))
        except (NoSurvivorError, BrokenStreamError) as exc:
            return _answer_of_failed_stream(exc, request) or await handler(request)

    def _is_routed(self, request: ModelRequest[Any]) -> bool:
        return self.when is None or self.when(request)

    def _routed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        foreign = sorted(request.model_settings.keys() - ARGUMENTS)
        if foreign:
            logger.info("settings of the agent's model dropped for the pool: %s", log_line(", ".join(foreign)))
        settings = {name: value for name, value in request.model_settings.items() if name in ARGUMENTS}
        return request.override(model=self.router, model_settings=settings)


def _answer_of_failed_stream(exc: Exception, request: ModelRequest[Any]) -> ModelResponse[Any] | None:
    """Return the answer of a pool whose stream failed; None if the agent's own model must answer."""
    if isinstance(exc, BrokenStreamError) and request.response_format is None:
        logger.warning("%s", log_line(exc))
        return ModelResponse(result=[exc.answer])
    logger.warning("fallback to the agent's own model: %s", log_line(exc))
    return None
