"""Builds the ASGI app: routes, middleware and exception handlers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lightrouter_graph.context import Context
from lightrouter_graph.errors import ContextError, PoolError
from lightrouter_graph.pool import Pool
from lightrouter_graph.redaction import secrets_of
from lightrouter_graph.server.bodies import BodyReader
from lightrouter_graph.server.completions import ChatCompletions
from lightrouter_graph.server.cors import cors_middleware
from lightrouter_graph.server.errors import ApiError
from lightrouter_graph.server.hosts import HostCheck, checked_host
from lightrouter_graph.server.metrics import Metrics
from lightrouter_graph.server.middleware import ApiKeyCheck, ConcurrencyLimit
from lightrouter_graph.server.models import ServedModels, models_of

MAX_BODY_BYTES = 10 * 1024 * 1024
BODY_TIMEOUT_S = 30.0

_ENDPOINTS = "POST /v1/chat/completions, GET /v1/models, /v1/models/NAME, /metrics, /healthz"


def create_app(
    pool: Pool | None = None,
    *,
    context: Context | None = None,
    models: Mapping[str, BaseChatModel] | None = None,
    api_key: str | None = None,
    max_concurrency: int = 64,
    max_body_bytes: int = MAX_BODY_BYTES,
    body_timeout_s: float = BODY_TIMEOUT_S,
    keepalive_s: float = 10.0,
    allowed_hosts: Sequence[str] | None = None,
    cors_origins: Sequence[str] = (),
) -> Starlette:
    """Build the ASGI app of an OpenAI-compatible server.

    A pool is served under several model names: `lightrouter` (settings of `context`), `lightrouter-paper` (settings of
    the paper, changed by the fields set in `context`), and the name of each candidate, which is queried alone.

    Args:
        pool: The candidates; None = serve only `models`.
        context: Settings of `lightrouter`; None = the defaults.
        models: Chat models by name, in addition to those of the pool; an equal name replaces the pool's model.
        api_key: Bearer token required of clients, except for `/healthz`; None = no authentication.
        max_concurrency: Maximum number of concurrent completions, >= 1; more get status 429.
        max_body_bytes: Maximum size of a request body.
        body_timeout_s: Seconds in which a request body must be complete, > 0; a later one gets status 408.
        keepalive_s: Seconds without an event after which a stream sends a comment, > 0.
        allowed_hosts: Host names and addresses that a request may name in its `Host` header, without port; others get
            status 421, except for `/healthz`. None = any. `lightrouter serve` allows the loopback names only, unless
            clients need a key: otherwise a web page whose name points to this address could use the server.
        cors_origins: Origins of the web pages that may call the server from a browser, such as `https://app.example`;
            `*` = any, without credentials. Empty = none.

    Returns:
        The app; run it with any ASGI server.

    Raises:
        PoolError: If neither pool nor models are given, or a candidate is named like a preset.
        ContextError: If a limit is not positive, the key is empty, or a host or origin is invalid.

    Example:
        ```python
        app = create_app(Pool.from_env(), api_key="...")  # uvicorn.run(app, host="127.0.0.1", port=8000)
        ```
    """
    limits = {"max_concurrency": max_concurrency, "max_body_bytes": max_body_bytes}
    _check(api_key, **limits, body_timeout_s=body_timeout_s, keepalive_s=keepalive_s)
    middleware = _middleware(api_key, allowed_hosts, cors_origins)
    served = {**(models_of(pool, context or Context()) if pool else {}), **(models or {})}
    if not served:
        raise PoolError("no model to serve: pass a pool or models")
    registry, metrics = ServedModels(served), Metrics()
    completions = ChatCompletions(
        registry,
        metrics,
        ConcurrencyLimit(max_concurrency),
        bodies=BodyReader(max_body_bytes, body_timeout_s),
        keepalive_s=keepalive_s,
        secrets=_secrets(pool, models or {}, api_key),
    )
    info = _InfoEndpoints(registry, metrics)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/models", info.list_models),
            Route("/v1/models/{name:path}", info.show_model),
            Route("/metrics", info.show_metrics),
            Route("/healthz", info.show_health),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _http_error, ApiError: _api_error},
    )


@dataclass(frozen=True, slots=True)
class _InfoEndpoints:
    """Endpoints that call no model."""

    registry: ServedModels
    metrics: Metrics

    async def list_models(self, _: Request) -> Response:
        return JSONResponse(self.registry.describe_all())

    async def show_model(self, request: Request) -> Response:
        return JSONResponse(self.registry.describe(request.path_params["name"]))

    async def show_metrics(self, request: Request) -> Response:
        return self.metrics.show(request)

    async def show_health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})


async def _api_error(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, ApiError)
    return exc.response()


async def _http_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    cause = {404: "unknown endpoint", 405: "method not allowed"}.get(exc.status_code, exc.detail)
    message = f"{cause}: {request.method} {request.url.path}; endpoints are {_ENDPOINTS}"
    return ApiError(exc.status_code, message, code="unknown_url", headers=exc.headers).response()


def _middleware(api_key: str | None, hosts: Sequence[str] | None, origins: Sequence[str]) -> list[Middleware]:
    """Return the middleware, outermost first: a preflight request has no API key."""
    checks = [] if hosts is None else [Middleware(HostCheck, hosts=[checked_host(host) for host in hosts])]
    checks += [cors_middleware(origins)] if origins else []
    return [*checks, Middleware(ApiKeyCheck, key=api_key)] if api_key else checks


def _check(api_key: str | None, **limits: Any) -> None:
    for name, value in limits.items():
        if not value > 0:
            msg = f"{name} = {value}: must be > 0"
            raise ContextError(msg)
    if api_key is not None and not api_key.strip():
        msg = "api_key is empty: pass a key, or None for no authentication"
        raise ContextError(msg)


def _secrets(pool: Pool | None, models: Mapping[str, BaseChatModel], api_key: str | None) -> list[str]:
    called = [*(candidate.model for candidate in pool or ()), *models.values()]
    return [*(secret for model in called for secret in secrets_of(model)), *([api_key] if api_key else [])]
