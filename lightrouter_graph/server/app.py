"""The ASGI app: which address does what."""

from collections.abc import Mapping
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
from lightrouter_graph.server.completions import ChatCompletions
from lightrouter_graph.server.errors import Fault
from lightrouter_graph.server.metrics import Metrics
from lightrouter_graph.server.middleware import KeyCheck, Slots
from lightrouter_graph.server.models import Catalogue, models_of

MAX_BODY_BYTES = 10 * 1024 * 1024


def create_app(
    pool: Pool | None = None,
    *,
    context: Context | None = None,
    models: Mapping[str, BaseChatModel] | None = None,
    api_key: str | None = None,
    max_concurrency: int = 64,
    max_body_bytes: int = MAX_BODY_BYTES,
    keepalive_s: float = 10.0,
) -> Starlette:
    """Build an OpenAI-compatible server over a pool, as an ASGI app.

    A pool is served as `lightrouter` (with `context`), as `lightrouter-paper` (the paper's settings, with what was set
    in `context` laid over them), and each candidate under its own name.

    Args:
        pool: The candidates; None where `models` are all there is.
        context: The settings of `lightrouter`; None = the default, adaptive ones.
        models: Further chat models by name, or others in the place of those of the pool.
        api_key: What clients must send as a bearer token, but for `/healthz`; None lets everybody in.
        max_concurrency: How many completions run at a time; further ones are refused with 429.
        max_body_bytes: The largest request body that is read.
        keepalive_s: Seconds of silence after which a stream sends a comment.

    Raises:
        PoolError: If there is nothing to serve, or a candidate has the name of a preset.
        ContextError: If a limit is not positive or the key is empty.

    Example:
        ```python
        app = create_app(Pool.from_env(), api_key="...")  # uvicorn.run(app, host="127.0.0.1", port=8000)
        ```
    """
    _check(api_key, max_concurrency=max_concurrency, max_body_bytes=max_body_bytes, keepalive_s=keepalive_s)
    served = {**(models_of(pool, context or Context()) if pool else {}), **(models or {})}
    if not served:
        raise PoolError("there is nothing to serve: give a pool or models")
    catalogue = Catalogue(served)
    metrics, slots = Metrics(), Slots(max_concurrency)
    completions = ChatCompletions(
        catalogue,
        metrics,
        slots,
        max_body_bytes=max_body_bytes,
        keepalive_s=keepalive_s,
        secrets=_secrets(pool, models or {}, api_key),
    )
    desk = _Desk(catalogue, metrics)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/models", desk.list_models),
            Route("/v1/models/{name:path}", desk.show_model),
            Route("/metrics", desk.show_metrics),
            Route("/healthz", desk.say_healthy),
        ],
        middleware=[Middleware(KeyCheck, key=api_key)] if api_key else [],
        exception_handlers={HTTPException: _refuse_address, Fault: _answer_fault},
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    """The addresses where nothing is asked of a model."""

    catalogue: Catalogue
    metrics: Metrics

    async def list_models(self, _: Request) -> Response:
        return JSONResponse(self.catalogue.describe_all())

    async def show_model(self, request: Request) -> Response:
        return JSONResponse(self.catalogue.describe(request.path_params["name"]))

    async def show_metrics(self, request: Request) -> Response:
        return self.metrics.show(request)

    async def say_healthy(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})


async def _answer_fault(_: Request, exc: Exception) -> Response:
    assert isinstance(exc, Fault)
    return exc.response()


async def _refuse_address(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    words = {404: "there is no such address", 405: "this address does not take that method"}
    message = f"{words.get(exc.status_code, exc.detail)}: {request.method} {request.url.path}"
    return Fault(exc.status_code, message, code="unknown_url", headers=exc.headers).response()


def _check(api_key: str | None, **limits: Any) -> None:
    for name, value in limits.items():
        if not value > 0:
            msg = f"{name} must be > 0, got {value}"
            raise ContextError(msg)
    if api_key is not None and not api_key.strip():
        msg = "the API key is empty; pass None to let everybody in"
        raise ContextError(msg)


def _secrets(pool: Pool | None, models: Mapping[str, BaseChatModel], api_key: str | None) -> list[str]:
    asked = [*(candidate.model for candidate in pool or ()), *models.values()]
    held = [secret for model in asked for secret in secrets_of(model)]
    return [*held, *([api_key] if api_key else [])]
