"""OpenAI-compatible HTTP server: `create_app` builds the ASGI app, `lightrouter serve` runs it.

The only package that imports starlette, uvicorn and prometheus-client (extra `lightrouter-graph[serve]`).
"""

try:
    import prometheus_client  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as exc:
    raise ImportError("the server needs more packages: pip install 'lightrouter-graph[serve]'") from exc

from lightrouter_graph.server.app import create_app
from lightrouter_graph.server.hosts import LOOPBACK_HOSTS
from lightrouter_graph.server.models import names_of
from lightrouter_graph.server.uvicorn_runner import listen, run

__all__ = ["LOOPBACK_HOSTS", "create_app", "listen", "names_of", "run"]
